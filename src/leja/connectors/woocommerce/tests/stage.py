"""How the shared suites set WooCommerce up against its stand-in, and what its owner does there."""

from __future__ import annotations

CAPABILITIES = {
    "webhooks", "handshake", "subscribe", "poll", "plan", "backfill", "fetch", "decode", "ids", "day_totals",
}

_BASKET = {"name": "Basket", "sku": "B1", "price": "12.50", "quantity": 3}

SOURCE = {
    "settings": {"shop": "lamu.example"},
    "secrets": {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox", "webhook_secret": "sandboxwebhooksecret"},
    "stand_in": {},
    "roles": ["clearing:stripe"],
    "sell": "place_order",
    "sales": [
        {"lines": [_BASKET]},
        {"lines": [_BASKET], "shipping": [{"title": "Standard", "total": "4.00"}],
         "coupons": [{"code": "ten", "type": "percent", "amount": "10"}],
         "customer": {"first_name": "Ada", "last_name": "Obi", "email": "ada@example.org"}},
        {"lines": [_BASKET], "fees": [{"name": "Gift wrap", "total": "2.50"}]},
        {"lines": [_BASKET], "fees": [{"name": "Loyalty", "total": "-1.00", "tax_status": "none"}]},
    ],
    "refund": {"action": "refund", "of": "order", "arguments": {"lines": [{"line": 0, "quantity": 1}]}},
    "touch": {"action": "touch", "of": "order", "arguments": {"webhook": True}},
    "edit": {"action": "edit_order", "of": "order", "arguments": {"add": [{"name": "More", "price": "5.00"}]}},
    "delete": {"action": "delete", "of": "order"},
    "late": {"argument": "at", "seconds": 540},
    "page": 120,
    "reads": "GET /wp-json/*",
}

TRADE = {
    # What nobody here is the processor of waits on an account that no payout clears.
    "sales": [{**sale, "payment_method": "ppcp-gateway"} for sale in SOURCE["sales"]],
    "roles": ["clearing:ppcp", "clearing:stripe"],
    "paid": [
        {"role": "clearing:stripe", "minor": 4500, "arguments": {"lines": [_BASKET], "payment_method": "stripe", "transaction_id": "{reference}"}},
    ],
}
