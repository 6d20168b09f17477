"""Bundles of any kind over the accounts of a target's own chart, drawn at random or by hypothesis; and how they are played."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from leja.connectors.contract import Bundle, BundleKind, BundleLine, Chart, Draft, RemoteDocument
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.documents.parts import Party

from .stages import KINDS, TargetStage

DAY = date(2026, 5, 3)
CURRENCIES = ("GBP", "JPY", "TND")


class Ground:
    """A target's verbs, its chart, and where our roles stand there."""

    def __init__(self, verbs: Any, chart: Chart, places: Mapping[str, str], stage: TargetStage) -> None:
        self.verbs, self.chart, self.places, self.stage = verbs, chart, places, stage
        self.kinds = {account.id: account.kind for account in chart.accounts}
        self.claimed: list[BundleKind] = [kind for kind in KINDS if kind not in stage.not_claimed]

    def line(self, role: str, minor: int, currency: str = "GBP", **more: Any) -> BundleLine:
        """A resolved line of a role."""
        account = self.places[role]
        return BundleLine(account=account, account_kind=self.kinds[account], role=role, amount=Money(minor, currency), **more)

    def bundle(self, kind: BundleKind, lines: Iterable[BundleLine], reference: str = "LJAAAAAAAAAAAAAB", **more: Any) -> Bundle:
        """A bundle of these lines."""
        told = tuple(lines)
        return Bundle(**{"reference": reference, "kind": kind, "date": DAY, "currency": told[0].amount.currency, "lines": told,
                         "rounding_account": self.places["rounding"], "rounding_limit": sum(1 for one in told if one.tax), **more})

    def settled(self, bundle: Bundle) -> str:
        """The kind of remote document that the receivables of a bundle settle: what an invoice or a credit note becomes."""
        owed = sum(one.amount.minor for one in bundle.lines if one.account_kind == "receivable")
        kind: BundleKind = "credit_note" if owed > 0 else "invoice"
        sign = -1 if owed > 0 else 1
        earlier = self.bundle(kind, [self.line("receivable", 100 * sign), self.line("sales", -100 * sign)])
        return str(next(step.kind for step in self.verbs.steps(earlier, self.chart) if step.lines))

    def play(self, bundle: Bundle, chart: Chart | None = None) -> list[Draft] | None:
        """Steps drafted in order, each accepted as the vendor would; None where the stage says that it may be held."""
        known = chart or self.chart
        accepted = {
            reference: RemoteDocument(kind=self.settled(bundle), remote_id="900", reference=reference, total=Money(10**9, bundle.currency))
            for reference in bundle.applies_to
        }
        try:
            steps = self.verbs.steps(bundle, known)
        except NeedsReview as error:
            if error.code not in self.stage.held and exponent(bundle.currency) <= 2:
                raise  # a third decimal may be held: no vendor's documents promise one
            return None
        drafts = []
        for number, step in enumerate(steps, start=1):
            draft: Draft = self.verbs.draft(step, known, accepted)
            assert draft == self.verbs.draft(step, known, accepted), "a draft is pure"
            accepted[step.name] = RemoteDocument(
                kind=step.kind, remote_id=str(1000 + number), reference=draft.reference, total=draft.total, date=draft.date)
            drafts.append(draft)
        assert steps == self.verbs.steps(bundle, known), "steps are pure"
        return drafts


def said(lines: Iterable[BundleLine]) -> dict[str, int]:
    """What lines come to, per account; zeros left out."""
    sums: dict[str, int] = defaultdict(int)
    for one in lines:
        sums[one.account] += one.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


def moved(drafts: Iterable[Draft]) -> dict[str, int]:
    """What drafts claim to move, per account; zeros left out."""
    sums: dict[str, int] = defaultdict(int)
    for draft in drafts:
        assert sum(draft.moves.values()) == 0, draft
        for account, minor in draft.moves.items():
            sums[account] += minor
    return {account: minor for account, minor in sums.items() if minor}


def random_bundle(ground: Ground, chance: Random, number: int) -> Bundle:
    """A bundle of any claimed kind and of up to seven lines on any accounts."""
    roles = list(ground.places)
    lines = [ground.line(chance.choice(roles), chance.randint(-30_000, 30_000)) for _ in range(chance.randint(1, 6))]
    lines.append(ground.line(chance.choice(roles), -sum(one.amount.minor for one in lines)))
    party = Party(external_id=f"c-{number % 3}", name="Wanjiku") if chance.random() < 0.5 else None
    return ground.bundle(
        chance.choice(ground.claimed), lines, f"LJAGREE{number:07}AB", date=DAY + timedelta(days=number % 4), customer=party)


@st.composite
def any_bundle(draw: st.DrawFn, ground: Ground) -> Bundle:
    """A bundle in a currency of any number of decimals, with taxes as a source may have charged them."""
    currency = draw(st.sampled_from(CURRENCIES))
    unit = 10 ** max(0, exponent(currency) - 2)
    lines, tax_due = [], 0
    for role in draw(st.lists(st.sampled_from(list(ground.places)), min_size=1, max_size=8)):
        minor, more = draw(st.integers(-50_000, 50_000)) * unit, {}
        if ground.kinds[ground.places[role]] == "income" and ground.stage.tax_code and draw(st.booleans()):
            tax = draw(st.integers(-900, 900)) * unit
            more, tax_due = {"tax_code": ground.stage.tax_code, "tax": Money(tax, currency)}, tax_due + tax
        lines.append(ground.line(role, minor, currency, **more))
    if tax_due and draw(st.booleans()):
        lines.append(ground.line("output_tax", tax_due, currency))
    lines.append(ground.line(draw(st.sampled_from(list(ground.places))), -sum(one.amount.minor for one in lines), currency))
    applies = draw(st.sampled_from(((), ("LJBBBBBBBBBBBBAB",))))
    return ground.bundle(draw(st.sampled_from(ground.claimed)), lines, applies_to=applies)
