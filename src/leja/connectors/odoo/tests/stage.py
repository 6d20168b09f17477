"""How the shared suites set Odoo up against its stand-in, as a target and as a source, and what it leaves out.

Both run on 19, where a call names its method in the address; tests of the folder run 16 to 18.
"""

from __future__ import annotations

CAPABILITIES = {
    "nudges", "poll", "plan", "backfill", "fetch", "decode", "ids", "chart", "steps", "draft", "ANCHORS", "deliver", "find",
    "read_back", "changed", "balances", "dated",
}

TARGET = {
    "settings": {"database": "odoo", "login": "admin"},
    "granted": {"api_key": "api_key"},
    "stand_in": {"foreign": False, "version": "19.0", "home_currency": "GBP"},
    "one_currency": {"currencies": {}},
    "many_currencies": {"currencies": {"EUR": "1.17"}},
    "accounts": {
        "bank": "101401", "cash:till": "101501", "clearing:card_processor": "101800", "receivable": "121000",
        "inventory": "110100", "gift_card_liability": "240000", "output_tax": "251000", "sales": "400000",
        "shipping_income": "400300", "sales_discounts": "400200", "sales_returns": "400100", "cogs": "500000",
        "processor_fees": "620100", "rounding": "649000",
    },
    "tax_code": "4",
    "writes": "POST /json/2/*/[la]*",
    "archivable": {"account": "account.account", "customer": "res.partner"},
    "foreign": {
        "kind": "account.move",
        "body": {
            "move_type": "entry", "date": "2026-05-04", "journal_id": 3, "ref": "Rent",
            "line_ids": [
                [0, 0, {"account_id": 34, "debit": 240, "credit": 0, "name": "rent"}],
                [0, 0, {"account_id": 3, "debit": 0, "credit": 240, "name": "rent"}],
            ],
        },
        "account": "612000", "day": "2026-05-04", "minor": 24_000,
    },
    "not_offered": {
        "batch_partial": "load and post are one transaction each: a part is never accepted without the rest",
    },
}

_LAMP = {"name": "Lamp", "price": "34.50", "quantity": 2}

SOURCE = {
    "settings": {"database": "odoo", "login": "admin"},
    "granted": {"api_key": "api_key"},
    "stand_in": {"foreign": False, "version": "19.0", "home_currency": "GBP"},
    "sell": "place_order",
    "sales": [
        {"lines": [_LAMP], "customer": "Azure Interior"},
        {"lines": [{**_LAMP, "tax": [4]}, {"name": "Shade", "price": "7.25", "tax": [4]}], "reference": "WEB-1001"},
        {"lines": [{**_LAMP, "tax": [4], "discount": "10"}]},
        {"lines": [{"name": "Book", "price": "9.99", "quantity": 3, "tax": [3]}, _LAMP]},
    ],
    "refund": {"action": "refund", "of": "order", "arguments": {"amount": "5.00"}},
    "touch": {"action": "touch", "of": "order"},
    "edit": {"action": "edit_order", "of": "order", "arguments": {"price": "39.00"}},
    "delete": {"action": "delete", "of": "id", "arguments": {"kind": "sale.order"}},
    "late": {"argument": "created_at", "seconds": 540},
    "page": 120,
    "reads": "POST /json/2/*",
    "not_offered": {
        "day_totals": "Odoo states no totals of a day: sums of ours over its own lists would prove nothing",
    },
}
TRADE = {"taxed": ["20%", "VAT20 incl"]}
