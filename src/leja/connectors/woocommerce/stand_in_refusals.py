"""How WordPress says no: ``{"code", "message", "data"}`` and the errors that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leja.connectors.woocommerce.stand_in_shop import wp_answer
from leja_sandbox.kit import Answer, Refuse, text_answer

_PAGE: Final = """<!DOCTYPE html>
<html lang="en-US"><head><title>{title}</title></head>
<body><h1>{title}</h1><p>{words}</p></body></html>
"""


class WordPressError(Refuse):
    """A refusal whose body a batch can put into its own answer."""

    def __init__(self, body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(wp_answer(body, status, headers))
        self.body, self.status = dict(body), status


def refused(
    code: str,
    message: str,
    status: int,
    *,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> WordPressError:
    """The error with that code; raise it."""
    return WordPressError(
        {"code": code, "message": message, "data": {"status": status, **(extra or {})}}, status, headers
    )


def bare(code: str, message: str, data: int) -> WordPressError:
    """An error to which the plugin gave a bare number for data: WordPress answers it with 500, whatever the number."""
    return WordPressError({"code": code, "message": message, "data": data}, 500)


def invalid(params: Mapping[str, str], code: str = "rest_invalid_param") -> WordPressError:
    """400 for parameters that the schema does not allow; ``code`` is that of the details."""
    return refused(
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(params)}",
        400,
        extra={
            "params": dict(params),
            "details": {name: {"code": code, "message": words, "data": None} for name, words in params.items()},
        },
    )


def page(status: int, retry_after: float | None = None) -> Answer:
    """What stands before WordPress (host, firewall) answers: HTML, also with status 200."""
    titles = {429: "Too Many Requests", 503: "Service Unavailable", 403: "Forbidden", 200: "One moment, please"}
    title = titles.get(status, "Error")
    answer = text_answer(
        _PAGE.format(title=title, words="There has been a critical error on this website." if status >= 500 else title),
        status,
        "text/html; charset=UTF-8",
    )
    headers = dict(answer.headers) if retry_after is None else {**answer.headers, "retry-after": f"{retry_after:g}"}
    return Answer(status=status, body=answer.body, headers=headers)
