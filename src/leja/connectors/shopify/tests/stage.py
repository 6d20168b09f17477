"""How the shared suites set Shopify up against its stand-in, and what its merchant does there."""

from __future__ import annotations

CAPABILITIES = {
    "webhooks", "subscribe", "poll", "plan", "backfill", "fetch", "decode", "ids", "day_totals",
}

_VAT = [{"title": "VAT", "rate": "0.2"}]
_BASKET = {"title": "Basket", "sku": "B1", "price": "12.50", "quantity": 3, "taxes": _VAT}

SOURCE = {
    "settings": {"shop": "leja-sandbox.myshopify.com", "client_id": "sandbox-client", "reads_all_orders": True},
    "secrets": {"webhook_secret": "shpss_sandbox", "access_token": "shpat_sandbox", "client_secret": "shpss_sandbox"},
    "stand_in": {"points_per_second": 100_000},
    "roles": ["clearing:shopify_payments"],
    "sell": "place_order",
    "sales": [
        {"lines": [_BASKET]},
        {"lines": [_BASKET, {"title": "Standard", "kind": "shipping", "price": "4.00", "taxes": _VAT}],
         "discounts": [{"code": "TEN", "amount": "3.75"}], "customer": {"first_name": "Ada", "last_name": "Obi"}},
        {"lines": [_BASKET, {"title": "Tip", "kind": "tip", "price": "2.00"}]},
        {"lines": [_BASKET, {"title": "Gift card", "kind": "gift_card", "price": "10.00"}]},
    ],
    "refund": {"action": "refund", "of": "order", "arguments": {"lines": [{"line": 0, "quantity": 1}]}},
    "touch": {"action": "touch", "of": "order"},
    "edit": {"action": "edit_order", "of": "order",
             "arguments": {"add": [{"title": "More", "price": "5.00"}], "pay": True}},
    "delete": {"action": "delete", "of": "order"},
    "late": {"argument": "created_at", "seconds": 540},
    "page": 60,
    "reads": "POST /admin/api/*",
}
