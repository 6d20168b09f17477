"""A session of Service Layer. Guide 1.26, 3.1: the cookie B1SESSION is wanted with every call, ROUTEID keeps it on its node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from leja.connectors.sap_b1 import Settings
from leja.connectors.sap_b1.faults import words_of
from leja.core.errors import NeedsConsent, Transient
from leja.http.client import Http

_COOKIE: Final = re.compile(r"\b(B1SESSION|ROUTEID)=([^;,\s]+)")


async def log_in(http: Http, settings: Settings, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """The cookies of a new session. Raises NeedsConsent ``sap-b1-login`` where the user or the password is refused."""
    password = secrets.get("password", "")
    if not (password and settings.user_name and settings.company_db):
        raise NeedsConsent(
            "sap-b1-login", "company_db, user_name and password are not all there",
            remedy="State them when the connection is added; a new password: leja secret rotate NAME password=-",
        )  # fmt: skip
    body = {"CompanyDB": settings.company_db, "UserName": settings.user_name, "Password": password}
    answer = await http.send(
        "POST", "/b1s/v2/Login", headers={"content-type": "application/json"}, content=msgspec.json.encode(body),
        write=False, anonymous=True,
    )  # fmt: skip
    if answer.status >= 400:
        code, words = words_of(answer.body)
        raise NeedsConsent(
            "sap-b1-login", f"Service Layer refused the log-in: {code} {words}".strip(),
            remedy="Check user and company database; a new password: leja secret rotate NAME password=-",
        )  # fmt: skip
    cookies = dict(_COOKIE.findall(answer.headers.get("set-cookie", "")))
    if "B1SESSION" not in cookies:
        raise Transient("sap-b1-session", "Service Layer answered the log-in without a session")
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
