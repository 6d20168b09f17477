"""Mapping: from an account role to one of our accounts, in versions with a date, most specific rule first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal

import msgspec

from leja.core.errors import NeedsReview
from leja.rules.roles import default_chart

# Heavier wins: SKU, category, channel, location, country, default.
_WEIGHTS: Final = {"sku": 16, "category": 8, "channel": 4, "location": 2, "country": 1}


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule holds; an empty field holds always."""

    sku: str = ""
    category: str = ""
    channel: str = ""
    location: str = ""
    country: str = ""


ANYWHERE: Final = Conditions()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """``kind`` "role": a role stands on an account code. "tax_code": a source's tax name stands for a tax role.

    ``value`` None takes an earlier version's rule with the same key and conditions back.
    """

    key: str
    value: str | None
    kind: Literal["role", "tax_code"] = "role"
    conditions: Conditions = ANYWHERE


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that one version changed; they hold from ``effective_from`` on, later versions over earlier ones."""

    version: int
    effective_from: date
    rules: tuple[Rule, ...]


class Table:
    """The rules that hold on a day, ready for look-up."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        latest = {(rule.kind, rule.key, rule.conditions): rule for rule in rules}
        self._roles: dict[str, list[tuple[Conditions, str]]] = {}
        self._fine: set[str] = set()
        self._tax_roles: dict[str, str] = {}
        for rule in sorted(latest.values(), key=lambda rule: -_weight(rule.conditions)):
            if rule.value is None:
                continue
            if rule.kind == "tax_code":
                self._tax_roles.setdefault(rule.key.lower(), rule.value)
                continue
            self._roles.setdefault(rule.key, []).append((rule.conditions, rule.value))
            if rule.conditions.sku or rule.conditions.category:
                self._fine.add(rule.key)
        self._found: dict[tuple[str, ...], str | None] = {}

    def find(self, role: str, sku: str, category: str, channel: str, location: str, country: str) -> str | None:
        """The account code, or None where no rule holds; an instance never falls back to its family."""
        key = (role, sku, category, channel, location, country) if role in self._fine else (
            role, channel, location, country)
        try:
            return self._found[key]
        except KeyError:
            asked = {"sku": sku, "category": category, "channel": channel, "location": location, "country": country}
            found = next((code for when, code in self._roles.get(role, ()) if _holds(when, asked)), None)
            self._found[key] = found
            return found

    def tax_role(self, tax_code: str) -> str | None:
        """The tax role that a source's tax name was mapped to, if it was."""
        return self._tax_roles.get(tax_code.lower())


class AccountMapping:
    """All versions of an organisation's mapping of its own books."""

    def __init__(self, versions: Sequence[Version]) -> None:
        ordered = sorted(versions, key=lambda version: (version.effective_from, version.version))
        self._starts = sorted({version.effective_from for version in ordered})
        self._tables = [
            Table(rule for version in ordered if version.effective_from <= start for rule in version.rules)
            for start in self._starts
        ]
        self._none = Table(())

    def at(self, day: date) -> Table:
        """The rules that hold on a day."""
        place = bisect_right(self._starts, day)
        return self._tables[place - 1] if place else self._none

    def account(self, role: str, day: date, conditions: Conditions = ANYWHERE) -> str:
        """The account code of a role on a day. Raises NeedsReview ``role-unmapped``."""
        found = self.at(day).find(
            role, conditions.sku, conditions.category, conditions.channel, conditions.location, conditions.country)
        if found is None:
            raise unmapped([(role, conditions)])
        return found


def unmapped(missing: Sequence[tuple[str, Conditions]]) -> NeedsReview:
    """The error that names every role without an account, and the conditions under which it was looked up."""
    named = "; ".join(f"{role}{_words(when)}" for role, when in missing)
    return NeedsReview(
        "role-unmapped", f"No account is mapped for: {named}.",
        remedy="Map each role with `leja mapping set`; the documents that wait go on by themselves.",
        roles=[role for role, _ in missing],
        conditions=[msgspec.structs.asdict(when) for _, when in missing],
    )


def default_mapping(effective_from: date = date.min) -> AccountMapping:
    """The mapping of a new organisation: every role on its default account."""
    return AccountMapping([default_version(effective_from)])


def default_version(effective_from: date, extra: Sequence[tuple[str, str]] = ()) -> Version:
    """The first version of a new organisation, with ``extra`` (role, account code) for its own tills and processors."""
    rules = [Rule(key=role, value=account.code) for role, account in default_chart()]
    rules += [Rule(key=role, value=code) for role, code in extra]
    return Version(version=1, effective_from=effective_from, rules=tuple(rules))


def _weight(conditions: Conditions) -> int:
    return sum(weight for name, weight in _WEIGHTS.items() if getattr(conditions, name))


def _holds(conditions: Conditions, asked: dict[str, str]) -> bool:
    return all(getattr(conditions, name) in ("", value) for name, value in asked.items())


def _words(conditions: Conditions) -> str:
    given = ", ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(conditions).items() if value)
    return f" ({given})" if given else ""
