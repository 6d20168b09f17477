"""How the shared suites set SAP Business One up against its stand-in, and what it leaves out."""

from __future__ import annotations

CAPABILITIES = {"chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed", "balances", "dated"}

TARGET = {
    "settings": {"company_db": "SBODEMOGB", "user_name": "manager"},
    "granted": {"password": "Password"},
    "stand_in": {"foreign": False, "user_tables": ["LEJAKEYS"]},
    "home": "local_currency",
    "one_currency": {"currencies": ["GBP"], "system_currency": "GBP"},
    "many_currencies": {"currencies": ["GBP", "EUR", "USD"]},
    "accounts": {
        "bank": "111010", "cash:till": "111020", "clearing:card_processor": "111060", "receivable": "130000",
        "inventory": "140000", "gift_card_liability": "230010", "output_tax": "220010", "sales": "410010",
        "shipping_income": "410020", "sales_discounts": "410040", "sales_returns": "410050", "cogs": "510010",
        "processor_fees": "610020", "rounding": "710020",
    },
    "tax_code": "O1",
    "writes": "POST /b1s/v2/[$B]*",
    "archivable": {"account": "ChartOfAccounts", "customer": "BusinessPartners"},
    "not_offered": {"delete": "posted documents cannot be deleted there (-5006), only cancelled"},
    "foreign": {
        "kind": "JournalEntries",
        "body": {
            "ReferenceDate": "2026-05-04", "Memo": "rent",
            "JournalEntryLines": [
                {"AccountCode": "620010", "Debit": "240.00"}, {"AccountCode": "111010", "Credit": "240.00"},
            ],
        },
        "account": "620010", "day": "2026-05-04", "minor": 24_000,
    },
}
