"""How the shared suites set Stripe up against its stand-in, and what its merchant does there."""

from __future__ import annotations

CAPABILITIES = {"webhooks", "subscribe", "poll", "plan", "backfill", "fetch", "decode", "ids", "day_totals"}

SOURCE = {
    "settings": {"test_mode": True},
    "secrets": {"webhook_secret": "whsec_pasted_before"},
    "granted": {"api_key": "key"},
    "roles": ["clearing:stripe"],
    "sell": "charge",
    "sales": [
        {"amount": 1250},
        {"amount": 9900, "method": "sepa_debit", "metadata": {"order_id": "1001"}, "description": "Basket"},
        {"amount": 4405, "application_fee": 100},
    ],
    "refund": {"action": "refund", "of": "charge", "arguments": {"amount": 500}},
    "touch": {"action": "touch", "of": "charge"},
    "late": {"argument": "created_at", "seconds": 540},
    "page": 60,
    "reads": "GET /v1/*",
    "not_offered": {
        "edit": "a captured charge's amount never changes, and a capture is what makes it a sale",
        "delete": "nothing is ever deleted from an account of Stripe",
    },
}

_CHARGES = {"clears": ["clearing:stripe"], "settle": [{"action": "payout"}]}
TRADE = [
    # An account of its own sales, and one that is paid for what shops sell.
    {"name": "stripe", **_CHARGES},
    {
        "name": "stripe_of_shops", "duty": "payments", "sell": "", **_CHARGES,
        "takes": {"role": "clearing:stripe", "action": "charge", "amount": "amount", "reference": "payment_intent"},
    },
]
