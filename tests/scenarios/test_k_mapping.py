"""Scenario K: deleted, odd and unmapped things; the preview says what will happen; one decision lets all go."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, SHOP, Scene


def odd(scene: Scene) -> list[dict[str, object]]:
    """An order with a deleted SKU, one with a custom line, one without a customer, one of a known customer."""
    return [
        scene.sell({"title": "Gone", "sku": None, "price": "30", "taxes": [{"title": "VAT", "rate": "0.2"}]}, webhooks="lost"),
        scene.sell({"title": "Custom engraving", "sku": "", "price": "12", "kind": "custom", "requires_shipping": False}, "10", webhooks="lost"),
        scene.sell("20", customer=None, webhooks="lost"),
        scene.sell("40", customer={"id": 77, "first_name": "Ada", "last_name": "Obi"}, payment="pending", webhooks="lost"),
    ]


@pytest.mark.parametrize("currency", ["JPY", "GBP", "TND"])
def test_k_odd_records_are_posted_with_their_fall_backs(stage: Setting, currency: str) -> None:
    """Given an order with a deleted SKU, a custom line, no customer, an archived contact, when it is processed, then it is posted
    with stated fall-backs."""
    scene = stage(currency=currency, modes={BY_DAY: "each"})
    orders = odd(scene)
    scene.settle()
    scene.assert_settled()
    assert scene.sums()[0] == len(orders)
    total = sum(scene.minor(str(order["total"])) for order in orders)
    assert sum(scene.minor(one["total"]) for one in scene.remote(BY_SALE, "SalesReceipt", "Invoice")) == total
    assert sum(scene.minor(one["total"]) for one in scene.remote(BY_DAY, "Invoices")) == total


def test_k_what_cannot_go_is_held_whole_with_every_missing_mapping_named(stage: Setting) -> None:
    """... or held whole with every missing mapping named, the preview gave the same verdict, and fixing one mapping releases all
    documents it held."""
    scene = stage(modes={BY_DAY: "each"})
    sales = scene.account_of(BY_SALE, "sales")
    strange = [{"title": "Strange levy", "rate": "0.07"}]
    scene.control(BY_SALE, "deactivate", kind="Account", id=sales)
    scene.control(BY_DAY, "deactivate", kind="Accounts", code=scene.account_of(BY_DAY, "shipping_income"))
    for target in (BY_SALE, BY_DAY):
        scene.read_chart(target)
    both = [scene.sell(scene.line("10", taxes=strange), {"title": "Post", "kind": "shipping", "price": "4", "taxes": strange}, webhooks="lost") for _ in range(3)]
    scene.poll()
    scene.record()
    verdicts = {target: {trouble.waits_for for one in scene.preview(target) for trouble in one.troubles} for target in (BY_SALE, BY_DAY)}
    assert all(not one.drafts for target in verdicts for one in scene.preview(target))
    scene.tell()
    named = {target: {row[0] for row in scene.rows(
        "SELECT subject FROM review_item WHERE org_id = %s AND settled_at IS NULL AND connection_id = %s", scene.targets[target].connection_id)} for target in verdicts}
    assert named == verdicts
    assert [len(one) for one in named.values()] == [2, 2], named
    assert scene.remote(BY_SALE) == scene.remote(BY_DAY) == []
    for target, code in ((BY_SALE, "3"), (BY_DAY, "RROUTPUT")):
        assert scene.decide(target, "tax_code", "Strange levy", code) == 0 or scene.remote(target) == []
    scene.tell()
    assert scene.remote(BY_SALE) == scene.remote(BY_DAY) == []
    scene.decide(BY_SALE, "account", _ours(scene, "sales"), "45")
    scene.decide(BY_DAY, "account", _ours(scene, "shipping_income"), "206")
    previewed = {target: sorted(draft.kind for one in scene.preview(target) for draft in one.drafts) for target in verdicts}
    scene.tell()
    scene.assert_settled()
    assert len(scene.remote(BY_SALE, "SalesReceipt")) == len(scene.remote(BY_DAY, "Invoices")) == len(both)
    assert len(previewed[BY_SALE]) >= len(both)


def test_k_a_role_without_an_account_holds_the_document_here(stage: Setting) -> None:
    """... held whole with every missing mapping named, ... and fixing one mapping releases all documents it held."""
    scene = stage()
    account = _ours(scene, "shipping_income")
    scene.decide("", "role", "shipping_income", None)
    for _ in range(3):
        scene.sell("10", {"title": "Post", "kind": "shipping", "price": "4"}, webhooks="lost")
    fine = scene.sell("20", webhooks="lost")
    scene.settle()
    assert {code for code, _, _ in scene.held()} == {"role-unmapped"}
    assert all("shipping_income" in message for _, _, message in scene.held())
    assert scene.sums() == (1, scene.minor(fine["total"]))
    assert scene.decide("", "role", "shipping_income", account) == 3
    scene.settle(polling=False)
    scene.assert_settled()
    assert scene.sums()[0] == 4


def _ours(scene: Scene, role: str) -> str:
    row = scene.rows("SELECT value FROM mapping_rule WHERE org_id = %s AND scope = 'books' AND key = %s AND value IS NOT NULL ORDER BY version LIMIT 1", role)
    return str(row[0][0])


def test_k_an_archived_contact_does_not_stop_a_sale(stage: Setting) -> None:
    """Given ... an archived contact ..., when it is processed, then it is posted with stated fall-backs or held whole."""
    scene = stage(modes={BY_DAY: "each"})
    first = scene.sell("40", customer={"id": 77, "first_name": "Ada", "last_name": "Obi"}, payment="unpaid", webhooks="lost")
    scene.settle()
    scene.assert_settled()
    store = scene.sandbox.stand_in(BY_DAY)
    ours = scene.rows("SELECT DISTINCT remote_id FROM remote_document WHERE org_id = %s AND connection_id = %s AND kind IN ('Contact', 'Contacts')",
                      scene.targets[BY_DAY].connection_id)
    for (contact,) in ours:
        store.control.call("deactivate", kind="Contacts", id=contact)
    for (customer,) in scene.rows("SELECT DISTINCT remote_id FROM remote_document WHERE org_id = %s AND connection_id = %s AND kind = 'Customer'",
                                  scene.targets[BY_SALE].connection_id):
        scene.control(BY_SALE, "deactivate", kind="Customer", id=customer)
    scene.clock.advance(60)
    second = scene.sell("50", customer={"id": 77, "first_name": "Ada", "last_name": "Obi"}, payment="unpaid", webhooks="lost")
    scene.settle()
    if scene.held():
        assert all("archived" in message.lower() or "inactive" in message.lower() for _, _, message in scene.held()), scene.held()
    else:
        scene.assert_settled()
        assert len(scene.remote(BY_SALE, "Invoice")) == 2
    assert scene.control(SHOP, "orders")[0]["id"] == first["id"] != second["id"]
