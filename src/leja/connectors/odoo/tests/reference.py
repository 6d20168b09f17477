"""The recorded answers of real servers: what the connector's reading makes of each, rows in the shapes that it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from leja.connectors.odoo import wire
from leja.connectors.odoo.api import _unwrapped, _whole, encoder, rows_in
from leja.connectors.odoo.faults import OdooFault, outcome_of
from leja.connectors.odoo.loading import Answer as Loaded
from leja.core.errors import LejaError
from leja.http.client import Answer

ROWS = {"account.move": wire.Move, "account.move.line": wire.MoveLine, "sale.order": wire.Order, "account.tax": wire.Tax}


def answers(name: str, body: bytes) -> Iterator[object]:
    """What is read: a refusal by what may be done, a load's ids, rows, ids, an acknowledgement with nothing in it."""
    whole = json.loads(body)
    said, path = whole["response"], whole["request"]["path"]
    content = said["body"].encode() if isinstance(said["body"], str) else json.dumps(said["body"]).encode()
    answer = Answer(said["status"], {"content-type": said["content_type"]}, content)
    try:
        found = _unwrapped(answer) if path == "/jsonrpc" else _whole(answer)
    except OdooFault as error:
        yield outcome_of(error.fault, datetime(2026, 6, 1, tzinfo=UTC))
        return
    except LejaError as error:
        yield error.code
        return
    model, method = _called(whole["request"])
    if method == "load":
        yield msgspec.convert(found, Loaded)
    elif isinstance(found, list) and found and isinstance(found[0], dict):
        for row in rows_in(found):
            yield msgspec.json.decode(encoder.encode(row), type=ROWS[model])
    else:
        yield f"{model or 'common'}.{method} answered {found!r}"


def _called(request: dict[str, Any]) -> tuple[str, str]:
    if request["path"] != "/jsonrpc":
        model, method = request["path"].split("/")[3:5]
        return model, method
    params = request["body"]["params"]
    return (params["args"][3], params["args"][4]) if params["service"] == "object" else ("", params["method"])
