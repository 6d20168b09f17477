"""Accounts, partners, taxes, currencies and the other rows that documents rest on: defaults, names, values on reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from leja.connectors.odoo import stand_in_chart as chart
from leja.connectors.odoo.stand_in_errors import user_error, validation_error
from leja.connectors.odoo.stand_in_orm import Database, Model
from leja.connectors.odoo.stand_in_records import Body


class Accounts(Model):
    """``account.account``."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "account.account")

    def prepared(self, vals: Body) -> Body:
        if "company_ids" in self.db.fields(self.name):
            vals.setdefault("company_ids", [[6, 0, [self.db.call.company]]])
            vals.setdefault("active", True) if "active" in self.db.fields(self.name) else None
        else:
            vals.setdefault("company_id", self.db.call.company)
        if vals.get("account_type") in ("asset_receivable", "liability_payable"):
            vals.setdefault("reconcile", True)
        taken = [b for _i, b in self.db.records.rows(self.name, mark=[str(vals.get("code"))]) if self.db.visible(b)]
        if vals.get("code") and taken:
            raise validation_error("The code of the account must be unique per company!")
        return vals

    def unlink(self, id_: int) -> None:
        if any(b["account_id"] == id_ for _i, b in self.db.records.rows("account.move.line")):
            raise user_error("You cannot perform this action on an account that contains journal items.")
        self.db.records.remove(self.name, id_)

    def shown(self, id_: int, body: Body, field: str) -> Any:
        if field == "internal_group":
            return {"off_balance": "off"}.get(body["account_type"], str(body["account_type"]).split("_")[0])
        if field == "current_balance":
            rows = self.db.records.rows("account.move.line")
            posted = (b for _i, b in rows if b["account_id"] == id_ and self.db.seen("account.move", b["move_id"])["state"] == "posted")
            return sum((b["balance"] for b in posted), Decimal(0))
        return None

    def display(self, id_: int, body: Body) -> str:  # noqa: ARG002
        return f"{body.get('code') or ''} {body.get('name')}".strip()


class Partners(Model):
    """``res.partner``: only a name is needed."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "res.partner")

    def prepared(self, vals: Body) -> Body:
        if not vals.get("name") and vals.get("type", "contact") == "contact":
            raise validation_error("Contacts require a name")
        return {"active": True, "type": "contact", **vals}

    def unlink(self, id_: int) -> None:
        if any(b["partner_id"] == id_ for _i, b in self.db.records.rows("account.move")):
            raise user_error("You cannot delete contacts that are linked to accounting entries: archive them instead.")
        self.db.records.remove(self.name, id_)

    def shown(self, id_: int, body: Body, field: str) -> Any:
        if field == "commercial_partner_id":
            return body.get("parent_id") or id_
        if field == "property_account_receivable_id" and not body.get(field):
            return chart.RECEIVABLE
        if field == "property_account_payable_id" and not body.get(field):
            return chart.PAYABLE
        return None


class Taxes(Model):
    """``account.tax``: whether a price includes it is the tax's affair."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "account.tax")

    def prepared(self, vals: Body) -> Body:
        company = self.db.call.company
        return {"company_id": company, "amount_type": "percent", "type_tax_use": "sale", "active": True, "sequence": 1,
                "country_id": 233, "tax_group_id": 1, **vals}  # fmt: skip

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        self._keep(id_)

    def write(self, id_: int, vals: Body) -> None:
        self.db.store_values(self.name, id_, vals)
        self._keep(id_)

    def _keep(self, id_: int) -> None:
        body = self.db.seen(self.name, id_)
        included = body.get("price_include_override") == "tax_included" or (self.db.version < 18 and bool(body["price_include"]))
        account = chart.TAX_PURCHASE if body["type_tax_use"] == "purchase" else chart.TAX_SALE
        company = body["company_id"]
        account += 0 if company == 1 else 1000 * (company - 1)
        self.db.records.update(self.name, id_, included=included, account=account)
        if not self.db.records.children("account.tax.repartition.line", id_):
            # A base line and a tax line each, as the vendor makes them by itself.
            for kind, lands in (("base", False), ("tax", account)):
                part = {"tax_id": id_, "repartition_type": kind, "factor_percent": 100, "account_id": lands}
                self.db.create("account.tax.repartition.line", part)

    def shown(self, id_: int, body: Body, field: str) -> Any:  # noqa: ARG002
        return bool(body.get("included")) if field == "price_include" else None


class Currencies(Model):
    """``res.currency``."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "res.currency")

    def shown(self, id_: int, body: Body, field: str) -> Any:
        if field == "decimal_places":
            return int(body.get("places", 2))
        if field in ("rate", "inverse_rate"):
            day = self.db.call.context.get("date") or self.db.call.today
            rate = self.db.rate(id_, self.db.call.company, day)
            return rate if field == "rate" else _inverse(rate)
        return None


class CurrencyRates(Model):
    """``res.currency.rate``: units for one of the company's currency; one a day."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "res.currency.rate")

    def prepared(self, vals: Body) -> Body:
        vals.setdefault("name", self.db.call.today)
        vals.setdefault("company_id", self.db.call.company)
        rows = self.db.records.children(self.name, vals.get("currency_id") or 0)
        if any(b["name"] == vals["name"] and b["company_id"] == vals["company_id"] for _i, b in rows):
            raise validation_error("Only one currency rate per day allowed!")
        return vals

    def shown(self, id_: int, body: Body, field: str) -> Any:  # noqa: ARG002
        if field == "company_rate":
            return body["rate"]
        return _inverse(body["rate"]) if field == "inverse_company_rate" else None


class Companies(Model):
    """``res.company``: lock dates of 18 and later may be written by the API's user, who is an accountant there."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "res.company")

    def write(self, id_: int, vals: Body) -> None:
        hard = self.db.seen(self.name, id_).get("hard_lock_date")
        if hard and "hard_lock_date" in vals and (vals["hard_lock_date"] or "") < hard:
            raise user_error("The Hard Lock Date cannot be decreased or removed once set.")
        self.db.store_values(self.name, id_, vals)


class Users(Model):
    """``res.users``."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "res.users")

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {"context_get": ((), self.context_get)}

    def context_get(self) -> Body:
        """The user's own context."""
        return {"lang": "en_US", "tz": False, "uid": 2}


def _inverse(rate: Decimal) -> Decimal:
    return (1 / rate).quantize(Decimal("0.000000000001")).normalize()
