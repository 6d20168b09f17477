"""How the shared suites set Business Central up against its stand-in, and what it leaves out."""

from __future__ import annotations

CAPABILITIES = {
    "nudges", "handshake", "subscribe", "chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed",
    "balances", "dated",
}

TARGET = {
    "settings": {
        "tenant_id": "7c1f5c4e-2b0e-4a51-9f1a-3a1d5d2f6b70", "environment": "Production",
        "company": "2a9b6f34-53a4-4e0b-9d3c-8f1b1c0a7e21", "client_id": "sandbox-client",
        "tax_rates": "STANDARD=20@20300, REDUCED=5@20300", "untaxed_code": "NO VAT",
    },
    "secrets": {"client_secret": "sandbox-secret"},
    "stand_in": {"foreign": False},
    "home": "base_currency",
    "one_currency": {"currencies": ()},
    "accounts": {
        "bank": "10100", "cash:till": "10200", "clearing:card_processor": "10340", "receivable": "10400",
        "inventory": "10700", "gift_card_liability": "20400", "output_tax": "20300", "sales": "40100",
        "shipping_income": "40110", "sales_discounts": "40200", "sales_returns": "40210", "cogs": "50100",
        "processor_fees": "60300", "rounding": "60610",
    },
    "tax_code": "STANDARD",
    "writes": "POST *$batch",
    "archivable": {"account": "accounts", "customer": "customers"},
    "foreign": {
        "kind": "journals",
        "body": {
            "code": "RENT", "displayName": "Rent",
            "journalLines": [
                {"accountType": "G/L Account", "accountNumber": "60100", "postingDate": "2026-05-04", "documentNumber": "RENT-5",
                 "amount": "240.00", "description": "rent"},
                {"accountType": "G/L Account", "accountNumber": "20600", "postingDate": "2026-05-04", "documentNumber": "RENT-5",
                 "amount": "-240.00", "description": "rent"},
            ],
        },
        "account": "60100", "day": "2026-05-04", "minor": 24_000,
    },
}
