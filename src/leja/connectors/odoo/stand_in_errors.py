"""Refusals as Odoo words them: a Python exception's full name, its message, and the status that JSON-2 gives it."""

from __future__ import annotations

from typing import Any, Final

STATUS: Final[dict[str, int]] = {
    "odoo.exceptions.AccessDenied": 401,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
    "odoo.exceptions.RedirectWarning": 422,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}
# Fault codes of XML-RPC; 2 and 4 are from general knowledge, 1 and 3 were measured.
FAULT: Final[dict[str, int]] = {
    "odoo.exceptions.UserError": 2,
    "odoo.exceptions.ValidationError": 2,
    "odoo.exceptions.MissingError": 2,
    "odoo.exceptions.AccessDenied": 3,
    "odoo.exceptions.AccessError": 4,
}


class Refusal(Exception):
    """The server raised ``name`` with ``message``; nothing of the call remains."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message

    @property
    def status(self) -> int:
        """The HTTP status of JSON-2; 500 for what the vendor did not foresee."""
        return STATUS.get(self.name, 500)

    def body(self) -> dict[str, Any]:
        """Shape ``{"name", "message", "arguments", "context", "debug"}``, as both JSON doors carry it."""
        arguments: list[Any] = [self.message]
        if self.name.startswith("werkzeug."):
            arguments.append(self.status)
        return {"name": self.name, "message": self.message, "arguments": arguments, "context": {},
                "debug": f"Traceback (most recent call last):\n{self.name}: {self.message}"}  # fmt: skip


def user_error(message: str) -> Refusal:
    """A business rule says no."""
    return Refusal("odoo.exceptions.UserError", message)


def validation_error(message: str) -> Refusal:
    """A constraint says no."""
    return Refusal("odoo.exceptions.ValidationError", message)


def access_error(message: str) -> Refusal:
    """This user may not."""
    return Refusal("odoo.exceptions.AccessError", message)


def missing(model: str, id_: Any) -> Refusal:
    """The record is not there (any more)."""
    words = f"Record does not exist or has been deleted.\n(Record: {model}({id_},), User: 2)"
    return Refusal("odoo.exceptions.MissingError", words)


def value_error(message: str) -> Refusal:
    """What a Python ValueError becomes."""
    return Refusal("builtins.ValueError", message)


def unprocessable(message: str) -> Refusal:
    """Arguments that do not fit the method, at the JSON-2 door."""
    return Refusal("werkzeug.exceptions.UnprocessableEntity", message)


def not_found(message: str) -> Refusal:
    """An unknown model or method, at the JSON-2 door."""
    return Refusal("werkzeug.exceptions.NotFound", message)
