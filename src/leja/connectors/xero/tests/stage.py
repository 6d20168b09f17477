"""How the shared suites set Xero up against its stand-in, and what it leaves out."""

from __future__ import annotations

CAPABILITIES = {
    "webhooks", "handshake", "chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed", "balances", "dated",
}

TARGET = {
    "settings": {"client_id": "sandbox-client"},
    "secrets": {"client_secret": "sandbox-secret"},
    "tenant": "tenantId",
    "stand_in": {"foreign": False},
    "home": "base_currency",
    "one_currency": {"currencies": ["GBP"]},
    "many_currencies": {"currencies": ["GBP", "EUR", "KWD"]},
    "accounts": {
        "bank": "090", "cash:till": "091", "clearing:card_processor": "640", "receivable": "610",
        "inventory": "630", "gift_card_liability": "830", "output_tax": "820", "sales": "200",
        "shipping_income": "205", "sales_discounts": "210", "sales_returns": "211", "cogs": "310",
        "processor_fees": "405", "rounding": "860",
    },
    "tax_code": "OUTPUT2",
    "writes": "P* /api.xro/*",
    "archivable": {"account": "Accounts", "customer": "Contacts"},
    "held": {"xero-journal-impossible": "a manual journal may not touch a bank or control account"},
    "foreign": {
        "kind": "ManualJournals",
        "body": {
            "Narration": "rent", "Date": "2026-05-04", "Status": "POSTED",
            "JournalLines": [
                {"LineAmount": "240.00", "AccountCode": "469"}, {"LineAmount": "-240.00", "AccountCode": "832"},
            ],
        },
        "account": "469", "day": "2026-05-04", "minor": 24_000,
    },
}
