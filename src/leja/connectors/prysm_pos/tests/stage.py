"""The least that this connector can do. It is told and never asks: there is no poll, so the suite of polled sources has no part."""

from __future__ import annotations

CAPABILITIES = {"webhooks", "read_file", "detect", "decode"}

_MUG = {"sku": "MUG-RED", "description": "Mug, red", "price": "10.00", "quantity": 2, "rate": "20.00"}
_BOOK = {"sku": "BOOK-7", "description": "Book", "price": "8.99", "quantity": 1}

TRADE = {
    "settings": {"currency": "GBP", "processors": {"mobile_money": "mpesa_till"}},
    "secrets": {"webhook_secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
    "taxed": ["STD"],
    "roles": ["clearing:card", "clearing:mpesa_till", "cash:till"],
    "sell": "ring",
    "sales": [
        {"lines": [_MUG]}, {"lines": [_MUG, _BOOK], "pay": "cash"}, {"lines": [{**_BOOK, "discount": "1.00"}]}, {"lines": [_BOOK], "tip": "1.50"},
    ],
    "refund": {"action": "give_back", "of": "sale"},
    # A till that is told 200 has done its part; what never came is found by its numbers, and sent again.
    "manners": ["normal", "twice", "late"],
    "door": {"action": "connect", "of": "url"},
    "paid": [
        {"role": "clearing:mpesa_till", "minor": 2400,
         "arguments": {"lines": [_MUG], "pay": [{"kind": "mobile_money", "reference": "{reference}"}]}},
    ],
    "day": "business_date",
    "close": [{"action": "close_day", "of": "business_date"}],
    "again": [{"action": "resend", "of": "business_date", "arguments": {"store": "S001", "till": "W01"}}],
}
