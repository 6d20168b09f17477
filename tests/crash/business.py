"""A company that uses every connector that is present at once: every source sells and is paid, every target is told.

What the shop, the till and the two targets of the demo do, ``company.py`` says. All others are found by presence: sources say
in ``TRADE`` of their ``tests/stage.py`` how they trade (``trade.py``), targets in ``TARGET`` how they are set up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import msgspec

from leja import flow
from leja.access import connections, grants
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import Decision, default_role
from leja.cli.demo_stage import ALWAYS
from leja.connectors import registry
from leja.connectors.contract import Chart, OAuth
from leja.database import review
from leja.database.rules import books_mapping, set_posting_mode
from leja.delivery import charts
from leja.documents.document import from_facts
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.http.oauth import Tokens
from leja.rules.roles import default_account_for
from tests.connectors.stages import TargetStage, target_stage, targets
from tests.crash.company import Company
from tests.crash.trade import Trade, trades

MODES = ("each", "daily", "payout")
# Where a role of ours stands at a target whose stage does not name it: with another of its kind.
NEAREST: Mapping[str, str] = {
    "bank": "bank", "current_asset": "clearing:card_processor", "receivable": "receivable", "current_liability": "gift_card_liability",
    "payable": "gift_card_liability", "tax": "output_tax", "income": "sales", "cost_of_sales": "cogs", "expense": "processor_fees", "other": "processor_fees",
}
STANDARD_RATE = 20


class Business(Company):
    """``parts``: the trades of its sources beside the shop and the till; ``made``: their connections, by name."""

    parts: list[Trade]
    made: dict[str, Connection]

    def others(self) -> list[dict[str, Any]]:
        """Every stand-in that the recipe does not have."""
        known = {self.recipe.shop["slug"], self.recipe.file["slug"], *(target["slug"] for target in self.recipe.targets)}
        self.parts = trades(known)
        self.told = {slug: target_stage(slug) for slug in targets() if slug not in known}
        self.made, self.sold, self.days, self.ended = {}, {part.name: [] for part in self.parts}, {}, 0  # type: ignore[var-annotated]
        self.statements: list[tuple[str, str]] = []
        self.backed_up = False
        sources = [{"slug": part.slug, "name": part.name, "stand_in": part.stand_in} for part in self.parts]
        return [*sources, *({"slug": slug, "name": books(slug), "stand_in": stage.stand_in} for slug, stage in self.told.items())]

    # --- setting up ---

    async def set_up(self) -> None:
        """The recipe's targets, then all others."""
        await super().set_up()
        roles = sorted({role for part in self.parts for role in part.roles})
        with self.house.database.transaction() as conn:
            decisions = [default_role(conn, self.org.org_id, role) for role in roles]
            flow.decide_mapping(conn, self.org.org_id, decisions, by="owner", reason="more processors", now=self.clock())
        for recipe, target in zip(self.recipe.targets, list(self.targets), strict=True):
            more = dict.fromkeys(roles, recipe["accounts"]["clearing:card_processor"])
            await self._mapped(target, {**more, **recipe["accounts"]}, recipe["tax_codes"]["VAT"])
        for part in self.parts:
            self.made[part.name] = self._connected(part.slug, part.name, part.duty, part, part.tenant)
            self._at_the_door(part)
        for number, (slug, stage) in enumerate(self.told.items()):
            target = self._connected(slug, books(slug), "accounting", stage, stage.tenant)
            with self.house.database.transaction() as conn:
                set_posting_mode(conn, self.org.org_id, target.connection_id, MODES[(number + 2) % len(MODES)], ALWAYS, self.clock())
            self.targets.append(target)
            wanted = [*roles, *self.recipe.targets[0]["accounts"]]
            await self._mapped(target, {role: _place(stage, role) for role in wanted}, stage.tax_code)

    def _connected(self, slug: str, name: str, duty: str, stage: Trade | TargetStage, tenant: str) -> Connection:
        granted, now = self._granted(name), self.clock()
        with self.house.database.transaction() as conn:
            made = connections.add(
                conn, self.org.org_id, slug, name, settings={**stage.settings, "base_url": self.sandbox.url(name)}, duty=duty,
                start_date=self._start, now=now, tenant=str(granted.get(tenant, "")),
            )
            for secret, value in {**stage.secrets, **{one: granted[field] for one, field in stage.granted.items()}}.items():
                put_secret(conn, self.org.org_id, self.house.vault, made.connection_id, secret, value, now)
            if isinstance(made.connector.auth, OAuth) and "access_token" not in stage.secrets:
                tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
                grants.store(conn, self.org.org_id, self.house.vault, made.connection_id, tokens)
        return made

    def _granted(self, name: str) -> dict[str, Any]:
        return self.control(name, "grant") if "grant" in self.control(name, "about")["actions"] else {}

    async def _mapped(self, target: Connection, accounts: dict[str, str], code: str) -> None:
        """Put our accounts on those of a target, which are named by code, id or name, and the standard rate on its code."""
        session = self.house.session(target)
        chart: Chart = await registry.verb(target.slug, "chart")(session)
        await session.http.close()
        scope = str(target.connection_id)
        with self.house.database.transaction() as conn:
            charts.store_chart(conn, self.org.org_id, target.connection_id, chart, self.clock())
            ours = books_mapping(conn, self.org.org_id).at(date.max)
            decided = {ours.find(role, "", "", "", "", ""): account_named(chart, name) for role, name in accounts.items()}
            decisions = [Decision(scope=scope, kind="account", key=str(key), value=value) for key, value in decided.items()]
            names = sorted({"VAT", *(name for part in self.parts for name in part.taxed)})
            decisions += [Decision(scope=scope, kind="tax_code", key=name, value=_taxed(chart, code)) for name in names]
            decisions.append(Decision(scope=scope, kind="role", key="rounding", value=account_named(chart, accounts["rounding"])))
            flow.decide_mapping(conn, self.org.org_id, decisions, by="owner", reason=f"accounts at {target.name}", now=self.clock())

    async def _subscribed(self) -> None:
        await super()._subscribed()
        for part in self.parts:
            connection = self.made[part.name]
            if not self._at_the_door(part) and "subscribe" in registry.capabilities(part.slug):
                session = self.house.session(connection)
                await self.house.subscribed(connection, session, self.door_of(connection))
                await session.http.close()

    def _at_the_door(self, part: Trade) -> bool:
        """Whether it is told by hand where its webhooks go, and was."""
        if part.door is not None:
            self.control(part.name, part.door.action, **{**part.door.arguments, part.door.of: self.door_of(self.made[part.name])})
        return part.door is not None

    def _environment(self, failpoints: str) -> dict[str, str]:
        return {**super()._environment(failpoints), "LEJA_PAYOUT_WAIT": "1"}

    # --- what its people do ---

    def trade(self, count: int, manner: str = "") -> None:
        """The shop trades, and so does everybody else."""
        super().trade(count, manner)
        for part in self.parts:
            if part.sell:
                self._sell(part, manner)
            if self.sold[part.name] and self.random.random() < 0.6:
                self._change_one(part, manner)
        for part in self.parts:
            for paid in part.paid:
                self._sell_paid(part, paid, manner)

    def _told(self, part: Trade, manner: str) -> dict[str, Any]:
        chosen = manner if manner in part.manners else self.random.choice([*("normal",) * 4, *part.manners])
        return {"webhooks": chosen} if part.manners else {}

    def _sell(self, part: Trade, manner: str) -> None:
        sale = self.control(part.name, part.sell, **self.random.choice(part.sales), **self._told(part, manner))
        self.sold[part.name].append(sale[part.id])
        self.days.setdefault(part.name, set()).add(sale.get(part.day))

    def _sell_paid(self, part: Trade, paid: Any, manner: str) -> None:
        """One sale, two systems: the processor takes the money, the shop notes the processor's name of it."""
        for other in self.parts:
            if other.takes is None or other.takes.role != paid.role:
                continue
            amount = paid.minor if other.takes.unit == "minor" else paid.minor // 100
            given = {**other.takes.arguments, other.takes.amount: amount, **self._told(other, manner)}
            reference = self.control(other.name, other.takes.action, **given)[other.takes.reference]
            sale = self.control(part.name, part.sell, **_named(paid.arguments, str(reference)), **self._told(part, manner))
            self.days.setdefault(part.name, set()).add(sale.get(part.day))

    def _change_one(self, part: Trade, manner: str) -> None:
        """A sale is refunded, edited or deleted, which may happen to it once, or only looked at."""
        # What was sold after a backup and is deleted over there before it was read again has left no trace but at the targets:
        # reading back names it, and a person decides. So nothing is deleted where a restore is to come.
        delete = None if self.backed_up else part.delete
        deeds = [deed for deed in (part.refund, part.edit, delete) if deed is not None]
        deed = self.random.choice([*deeds, *deeds, part.touch])
        if deed is None:
            return
        sale = self.random.choice(self.sold[part.name])
        if deed is not part.touch:
            self.sold[part.name].remove(sale)
        told = {} if deed is part.delete else self._told(part, manner)
        self.control(part.name, deed.action, **{**deed.arguments, deed.of: sale}, **told)

    def faults(self) -> None:
        """The recipe's vendors behave badly, and the other sources, too. What only pushes loses nothing by itself."""
        super().faults()
        for part in self.parts:
            kinds = ["error_before", "cut_before", "slow", "webhook_twice", "webhook_stale", "webhook_out_of_order"]
            kinds += ["webhook_lost"] if "lost" in part.manners else []
            for kind in kinds:
                seconds = {"slow": 0.05, "webhook_stale": 40.0, "webhook_out_of_order": 30.0}.get(kind)
                self._fault(part.name, kind, 0.05, {"seconds": seconds} if seconds else {})

    def back_up(self) -> None:
        """As any company."""
        self.backed_up = True
        super().back_up()

    def restore(self) -> None:
        """After a restore whoever only pushes is asked to send its days again."""
        super().restore()
        for part in self.parts:
            for deed in part.again:
                for day in sorted(self.days[part.name]):
                    self.control(part.name, deed.action, **{**deed.arguments, deed.of: day})

    def days_end(self) -> None:
        """Days are closed, processors pay out, statements are fetched. Once; later only what waits for them is given up."""
        self.hasten()
        if self.ended:
            return
        self.ended += 1
        for part in self.parts:
            for deed in part.close:
                for day in sorted(self.days[part.name]):
                    self.control(part.name, deed.action, **{**deed.arguments, deed.of: day})
            for deed in part.settle:
                with suppress(ValueError):  # nothing is open
                    self.control(part.name, deed.action, **deed.arguments)
            if part.statement:
                first, last = (self.began - timedelta(days=1)).date(), (self.clock() + timedelta(days=1)).date()
                path = self.home / f"{part.name}.csv"
                path.write_text(self.control(part.name, part.statement, first=first.isoformat(), last=last.isoformat()))
                self.statements.append((str(self.made[part.name].connection_id), str(path)))

    def files(self) -> list[tuple[str, str]]:
        """The till's files and the processors' statements."""
        return [*super().files(), *self.statements]

    def hasten(self) -> None:
        """All webhooks that still wait."""
        super().hasten()
        for part in self.parts:
            self.control(part.name, "hasten_webhooks")

    def answered(self) -> int:
        """What a statement has answered is dismissed."""
        if not self.ended:
            return 0
        codes = {code for part in self.parts for code in part.dismiss}
        with self.house.database.transaction() as conn:
            answered = [item for item in review.items(conn, self.org.org_id) if item.code in codes]
            for item in answered:
                flow.dismiss(conn, self.org.org_id, item, by="bookkeeper", now=self.clock())
        return len(answered)

    # --- what must hold ---

    def odd(self) -> list[str]:
        """Each sale and refund of every source stands in the books once, and what was paid out left its clearing account at zero."""
        wrong = []
        with self.reading() as conn:
            for part in self.parts:
                theirs = self.control(part.name, "report")
                for name, kinds, sign in (("orders", "sale", 1), ("refunds", "refund", -1)):
                    told = (theirs["counts"][name], sum(theirs["sums"][name].values()))
                    ours = self._counted(conn, self.made[part.name], kinds if part.duty == "sales" else "payment", sign)
                    wrong += [f"{part.name}: {name} {ours} in the books, {told} over there"] if ours != told else []
            sums = Counter({str(role): int(minor) for role, minor in conn.execute(
                "SELECT role, sum(base)::bigint FROM line WHERE org_id = %s GROUP BY 1", (self.org.org_id,))})
        cleared = sorted({role for part in self.parts for role in part.clears})
        return wrong + [f"{role} is left with {sums[role]}" for role in cleared if sums[role]]

    def _counted(self, conn: Any, connection: Connection, kind: str, sign: int) -> tuple[int, int]:
        """How many documents of a kind stand, and their sum; payments by the sign of their amount."""
        rows = conn.execute(
            "SELECT DISTINCT ON (d.document_id) r.facts, r.withdrawn FROM document d JOIN document_revision r USING (org_id, document_id)"
            " WHERE d.org_id = %s AND d.connection_id = %s AND d.kind = %s ORDER BY d.document_id, r.revision DESC",
            (self.org.org_id, connection.connection_id, kind)).fetchall()
        amounts = []
        for facts, withdrawn in rows:
            document = from_facts(str(facts).encode())
            if withdrawn:
                continue
            if isinstance(document, Payment):
                amounts += [abs(document.tender.amount.minor)] if document.tender.amount.minor * sign > 0 else []
            elif isinstance(document, (Sale, Refund)):
                amounts.append(document.total.minor)
        return len(amounts), sum(amounts)


def books(slug: str) -> str:
    """What a target's connection and stand-in are called."""
    return f"{slug}_books"


def account_named(chart: Chart, name: str) -> str:
    """The id of an account of a chart that is named by code, id or name."""
    for field in ("code", "id", "name"):
        for account in chart.accounts:
            if getattr(account, field) == name:
                return account.id
    raise AssertionError(f"the chart has no account {name}")


def _place(stage: TargetStage, role: str) -> str:
    if role in stage.accounts:
        return stage.accounts[role]
    general = "clearing:card_processor" if role.startswith("clearing:") else role.partition(":")[0]
    return stage.accounts[general if general in stage.accounts else NEAREST[default_account_for(role).kind]]


def _taxed(chart: Chart, code: str) -> str:
    """The tax code of the stage, or another one that takes what the shop takes."""
    rates = {one.id: one.rate for one in chart.tax_codes if one.active}
    return code if rates.get(code) == STANDARD_RATE else next((one for one, rate in rates.items() if rate == STANDARD_RATE), code)


def _named(value: Any, reference: str) -> Any:
    """Arguments with the processor's name of the payment in its places."""
    text = msgspec.json.encode(value).decode().replace("{reference}", reference)
    return msgspec.json.decode(text)
