"""Settling: a payment's open item against the invoice's, so that Odoo shows the invoice as paid. It moves no account."""

from __future__ import annotations

import logging

from leja.connectors.contract import Session
from leja.connectors.odoo.api import call, linked, read, search
from leja.connectors.odoo.documents import LINE, MOVE, PAYMENT
from leja.connectors.odoo.faults import OdooFault
from leja.core.errors import LejaError

_log = logging.getLogger("leja.connectors.odoo")


async def settle(session: Session, model: str, document: int, settled: int) -> None:
    """Reconcile the receivable items of ``document`` with those of the move ``settled``.

    The document stands whatever comes of this: what fails is logged, and Odoo offers it on the invoice as open credit.
    """
    try:
        for line in await _open_items(session, model, document):
            await call(session, MOVE, "js_assign_outstanding_line", {"line_id": line}, ids=[settled], write=True)
    except (OdooFault, LejaError) as error:
        _log.warning("%s %s was not settled with move %s: %s", model, document, settled, error)


async def _open_items(session: Session, model: str, document: int) -> list[int]:
    move = document
    if model == PAYMENT:
        found = await read(session, PAYMENT, [document], ["move_id"])
        move = linked(found[0]["move_id"]) if found else 0
    domain = [["move_id", "=", move], ["account_type", "=", "asset_receivable"]]
    rows = await search(session, LINE, domain, ["move_id", "reconciled"])
    return [row["id"] for row in rows if linked(row["move_id"]) == move and not row["reconciled"]]
