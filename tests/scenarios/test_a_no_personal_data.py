"""Scenario A: nothing personal lies in a table from which nothing can be erased."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from leja.connectors.contract import Rejected
from leja.database.migrate import SQL
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, Scene

PEOPLE = [
    {"id": 71, "first_name": "Wanjikutest", "last_name": "Kamaupersonal", "email": "wanjikutest@example.test", "phone": "+254700111222"},
    {"id": 72, "first_name": "Adwoatest", "last_name": "Mensahpersonal", "email": "adwoatest@example.test"},
]
WORDS = ("wanjikutest", "kamaupersonal", "adwoatest", "mensahpersonal", "254700111222")


def append_only() -> list[str]:
    """The tables as the schema itself lists them."""
    text = Path(SQL / "0009_pre_append_only.sql").read_text(encoding="utf-8")
    listed = re.search(r"ARRAY\[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    return re.findall(r"'([a-z_]+)'", listed.group(1))


def found_in(scene: Scene, tables: list[str]) -> list[str]:
    found = []
    for table in tables:
        for word in WORDS:
            (count,) = scene.rows(f"SELECT count(*) FROM {table} t WHERE org_id = %s AND to_jsonb(t)::text ILIKE %s", f"%{word}%")[0]
            found += [f"{count} rows of {table} hold {word!r}"] if count else []
    return found


@pytest.mark.parametrize("refused", [False, True])
def test_a_no_customer_is_named_in_a_table_that_cannot_be_erased(stage: Setting, monkeypatch: Any, refused: bool) -> None:
    scene = stage(modes={BY_DAY: "each"})
    if refused:
        whole = scene.target(BY_SALE).verbs.deliver

        async def deliver(session: Any, drafts: Any) -> Any:
            if any(draft.kind == "Customer" for draft in drafts):
                return tuple(Rejected(code="6000", words="Wanjikutest Kamaupersonal is not welcome", remedy="review") for _ in drafts)
            return await whole(session, drafts)

        monkeypatch.setattr("leja.connectors.quickbooks.target.deliver", deliver)
    for person in PEOPLE[: 1 if refused else 2]:
        order = scene.sell("40", customer=person)
        scene.control("shop", "edit_order", order=order["id"], add=[{"title": "More", "price": "5"}])
        if not refused:
            scene.refund(order, lines=[{"line": 0, "quantity": 1}])
    scene.webhooks()
    scene.settle()
    assert found_in(scene, ["party"]), "the shop said who they are"
    tables = append_only()
    assert {"attempt", "outcome", "event", "document_revision", "line", "chain", "access_log"} <= set(tables)
    assert found_in(scene, tables) == []
    assert scene.rows("SELECT count(*) FROM attempt WHERE org_id = %s AND reference LIKE 'Customer %%7%%'")[0][0] >= 1
    if refused:
        assert scene.rows("SELECT count(*) FROM outcome WHERE org_id = %s AND detail LIKE '%%is not welcome%%'")[0][0] >= 1
