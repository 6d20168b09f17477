"""The least that this connector can do. It cannot list what exists there, so it is no source of sales that can be proved."""

from __future__ import annotations

CAPABILITIES = {"nudges", "handshake", "subscribe", "poll", "fetch", "read_file", "detect", "decode"}

TRADE = {
    "duty": "payments",
    # Its clearing account is kept in the currency of the books, whatever the wallet's is.
    "settings": {"short_code": "600966", "nominated_number": "0722000000", "register_callbacks": True, "currency": "GBP",
                 "zone": "Africa/Nairobi"},
    "secrets": {"consumer_key": "sandbox-key", "consumer_secret": "sandbox-secret"},
    "roles": ["clearing:mpesa_till"],
    "takes": {"role": "clearing:mpesa_till", "action": "pay", "amount": "amount", "unit": "whole", "reference": "receipt"},
    "settle": [{"action": "sweep"}],
    "statement": "statement",
    "dismiss": ["mpesa-gap"],
    "clears": ["clearing:mpesa_till"],
    "manners": ["normal", "twice", "late", "lost"],
}
