"""Runs under the peers' own interpreter: posts five-leg transactions with django-hordak and prints its pace as JSON."""

from __future__ import annotations

import json
import sys
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings


def main(url: str, batch: int, count: int, again: bool) -> None:
    """Post ``count`` in batches, then a fifth of that one by one."""
    parts = urlsplit(url)
    settings.configure(
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username,
            "PASSWORD": parts.password, "HOST": parse_qs(parts.query)["host"][0]}},
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DEFAULT_CURRENCY="GBP", CURRENCIES=["GBP"], HORDAK_INTERNAL_CURRENCY="GBP", HORDAK_CURRENCIES=["GBP"], USE_TZ=True)
    django.setup()
    from django.core.management import call_command
    from hordak.models import Account, AccountType

    if not again:
        call_command("migrate", verbosity=0)
        for at in range(12):
            Account.objects.create(name=f"Account {at}", code=f"{at:02}", type=AccountType.income, currencies=["GBP"])
    chart = list(Account.objects.all().order_by("code"))
    alone = max(100, count // 5)
    print(json.dumps({"batched": count / _post(chart, count, batch), "alone": alone / _post(chart, alone, 1)}))


def _post(chart: list[Any], count: int, batch: int) -> float:
    from django.db import transaction

    begun = perf_counter()
    for first in range(0, count, batch):
        with transaction.atomic():
            for at in range(first, min(count, first + batch)):
                _one(chart, at)
    return perf_counter() - begun


def _one(chart: list[Any], at: int) -> None:
    from hordak.models import Leg, Transaction
    from moneyed import Money

    posted = Transaction.objects.create(description="Sale")
    parts = [100 + (at * 7 + leg * 13) % 5000 for leg in range(4)]
    Leg.objects.create(transaction=posted, account=chart[at % 12], debit=Money(sum(parts), "GBP"))
    for leg, part in enumerate(parts, 1):
        Leg.objects.create(transaction=posted, account=chart[(at + leg) % 12], credit=Money(part, "GBP"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] != "0")
