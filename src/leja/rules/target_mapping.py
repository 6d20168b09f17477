"""Our account, tax code or role -> the target's own ids, by versioned rules whose scope is the connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec


class TargetRule(msgspec.Struct, frozen=True, kw_only=True):
    """One mapping rule of a target. ``kind``: account, tax_code, role, item, customer. ``value`` None takes it back."""

    version: int
    effective_from: date
    kind: str
    key: str
    value: str | None
    conditions: Mapping[str, str] = {}


class Missing(msgspec.Struct, frozen=True, order=True):
    """A mapping that somebody must set before the target can be told."""

    kind: str
    key: str

    def waits_for(self, target: str) -> str:
        """What releases it: "account/<connection id>/<code>"."""
        return f"{self.kind}/{target}/{self.key}"


class OurAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of our books, with the roles that lead to it."""

    code: str
    name: str
    kind: str
    roles: tuple[str, ...] = ()


class TheirAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the target, as far as a suggestion must know it."""

    id: str
    code: str
    name: str
    kind: str
    active: bool = True
    currency: str = ""


class TheirTaxCode(msgspec.Struct, frozen=True, kw_only=True):
    """A tax code of the target and its percentage on sales."""

    id: str
    name: str
    rate: Decimal
    active: bool = True


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed rule and why; a person accepts it. ``value`` is empty where nothing fits."""

    kind: str
    key: str
    value: str
    because: str


class TargetMapping:
    """The rules of one target in force on a day: the most specific fitting rule wins, then the latest version."""

    def __init__(self, rules: Iterable[TargetRule], day: date) -> None:
        self._rules: dict[tuple[str, str], list[TargetRule]] = {}
        for rule in sorted(rules, key=lambda r: r.version):
            if rule.effective_from <= day:
                self._add(rule)

    def _add(self, rule: TargetRule) -> None:
        others = [r for r in self._rules.get((rule.kind, rule.key), []) if dict(r.conditions) != dict(rule.conditions)]
        self._rules[rule.kind, rule.key] = [*others, rule]

    def find(self, kind: str, key: str, facts: Mapping[str, str] | None = None) -> str | None:
        """The remote id; None where no rule is in force."""
        known = facts or {}
        fitting = [
            rule
            for rule in self._rules.get((kind, key), [])
            if rule.value is not None and all(known.get(name) == value for name, value in rule.conditions.items())
        ]
        return max(fitting, key=lambda r: (len(r.conditions), r.version)).value if fitting else None

    def values(self, kind: str, key: str) -> tuple[str, ...]:
        """Every remote id that a key may lead to, whatever the conditions."""
        return tuple(rule.value for rule in self._rules.get((kind, key), []) if rule.value is not None)


def suggest_accounts(ours: Sequence[OurAccount], theirs: Sequence[TheirAccount]) -> tuple[Suggestion, ...]:
    """For each of our accounts the target's account of the same code, else of the same kind with the likest name."""
    usable = [account for account in theirs if account.active]
    return tuple(_suggest(account, usable) for account in ours)


def suggest_tax_codes(ours: Mapping[str, Decimal], theirs: Sequence[TheirTaxCode]) -> tuple[Suggestion, ...]:
    """For each of our tax codes (with its percentage) the target's active code of the same rate with the
    likest name."""
    found = []
    for code, rate in sorted(ours.items()):
        same = [their for their in theirs if their.active and their.rate == rate]
        best = max(same, key=lambda their: (_likeness(code, their.name), their.id), default=None)
        because = f"{best.name} is {rate} % there" if best else f"no active tax code of {rate} % there"
        found.append(Suggestion(kind="tax_code", key=code, value=best.id if best else "", because=because))
    return tuple(found)


def _suggest(ours: OurAccount, theirs: Sequence[TheirAccount]) -> Suggestion:
    for their in theirs:
        if their.code and their.code == ours.code and their.kind == ours.kind:
            return Suggestion(kind="account", key=ours.code, value=their.id,
            because=f"same code and kind: {their.name}")
    same = [their for their in theirs if their.kind == ours.kind]
    words = " ".join((ours.name, *ours.roles))
    best = max(same, key=lambda their: (_likeness(words, their.name), their.code, their.id), default=None)
    if best is None or (_likeness(words, best.name) == 0 and len(same) > 1):
        return Suggestion(kind="account", key=ours.code, value="", because=f"no {ours.kind} account there resembles it")
    return Suggestion(kind="account", key=ours.code, value=best.id,
    because=f"the {ours.kind} account likest by name: {best.name}")


def _words(text: str) -> frozenset[str]:
    cleaned = "".join(char if char.isalnum() else " " for char in text.lower())
    return frozenset(word.rstrip("s") for word in cleaned.split() if len(word) > 2)


def _likeness(ours: str, theirs: str) -> int:
    """Shared words in per mille of all words: whole numbers, so that the same names always give the same answer."""
    left, right = _words(ours), _words(theirs)
    return 1000 * len(left & right) // max(1, len(left | right))
