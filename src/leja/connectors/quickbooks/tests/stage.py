"""How the shared suites set QuickBooks up against its stand-in, and what it leaves out."""

from __future__ import annotations

CAPABILITIES = {
    "webhooks", "chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed", "balances", "dated",
}

TARGET = {
    "settings": {"client_id": "sandbox-client"},
    "secrets": {"client_secret": "sandbox-secret"},
    "tenant": "realmId",
    "stand_in": {"foreign": False},
    "one_currency": {"multicurrency": False},
    "many_currencies": {"multicurrency": True},
    "accounts": {
        "bank": "1000", "cash:till": "1200", "clearing:card_processor": "1240", "receivable": "1100",
        "inventory": "1300", "gift_card_liability": "2200", "output_tax": "2100", "sales": "4000",
        "shipping_income": "4010", "sales_discounts": "4100", "sales_returns": "4110", "cogs": "5000",
        "processor_fees": "6200", "rounding": "6510",
    },
    "tax_code": "2",
    # Queries are POST too; they end in /query.
    "writes": "POST /v3/company/*/[!q]*",
    "archivable": {"account": "Account", "customer": "Customer", "item": "Item"},
    "foreign": {
        "kind": "JournalEntry",
        "body": {
            "TxnDate": "2026-05-04", "DocNumber": "RENT-5", "PrivateNote": "rent",
            "Line": [
                {"Amount": "240.00", "DetailType": "JournalEntryLineDetail",
                 "JournalEntryLineDetail": {"PostingType": "Debit", "AccountRef": {"value": "60"}}},
                {"Amount": "240.00", "DetailType": "JournalEntryLineDetail",
                 "JournalEntryLineDetail": {"PostingType": "Credit", "AccountRef": {"value": "1"}}},
            ],
        },
        "account": "6000", "day": "2026-05-04", "minor": 24_000,
    },
}
