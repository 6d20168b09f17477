"""How the shared suites set NetSuite over SOAP up against its stand-in, and what it leaves out."""

from __future__ import annotations

CAPABILITIES = {"chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed", "balances", "dated"}

TARGET = {
    "settings": {"account": "1234567-sb1"},
    "granted": {
        "consumer_key": "consumer_key", "consumer_secret": "consumer_secret", "token_id": "token_id",
        "token_secret": "token_secret",
    },
    "stand_in": {"foreign": False},
    "home": "base_currency",
    "one_currency": {"currencies": ["GBP"]},
    "many_currencies": {"currencies": ["GBP", "EUR", "USD"]},
    "accounts": {
        "bank": "1000", "cash:till": "1010", "clearing:card_processor": "1020", "receivable": "1100",
        "inventory": "1200", "gift_card_liability": "2150", "output_tax": "2100", "sales": "4000",
        "shipping_income": "4010", "sales_discounts": "4100", "sales_returns": "4110", "cogs": "5000",
        "processor_fees": "6110", "rounding": "6200",
    },
    "tax_code": "1",
    # addList and upsertList, not getList: the stand-in knows the calls of its one port by their operation.
    "writes": "POST /services/*/[au]*List",
    "archivable": {"account": "account", "customer": "customer", "item": "item"},
    "foreign": {
        "kind": "journalEntry",
        "body": {
            "tranDate": "2026-05-04", "memo": "rent", "subsidiary": {"internalId": "1"},
            "lineList": {"line": [
                {"account": {"internalId": "35"}, "debit": "240.00"},
                {"account": {"internalId": "1"}, "credit": "240.00"},
            ]},
        },
        "account": "6000", "day": "2026-05-04", "minor": 24_000,
    },
}
