"""The exact request of one step. Pure: the same step, chart and earlier answers always give the same bytes.

The body is the record as it stands in the envelope, with the envelope's prefixes; a new passport comes around it with each call.
"""

from __future__ import annotations

from collections.abc import Mapping

from leja.connectors.bundle_lines import moved, net
from leja.connectors.contract import Chart, Draft, RemoteDocument, Step
from leja.connectors.netsuite_soap.edition import Edition, read
from leja.connectors.netsuite_soap.envelope import element, ref
from leja.connectors.netsuite_soap.names import customer_name, item_name
from leja.connectors.netsuite_soap.plan import OWED, PAID, RECORDS, item_lines
from leja.connectors.netsuite_soap.records import SALES, id_of, journal, payment, sales
from leja.core.money import Money


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method="POST",
        path="/upsertList" if step.kind in RECORDS else "/addList",
        body=_record(step, chart, accepted).encode(),
        date=step.bundle.date,
        total=_total(step),
        moves=moved(step.lines),
        text=f"{step.kind} {step.reference}",
    )


def _total(step: Step) -> Money:
    """What the document comes to: its lines, or the money of a payment, or the debits of a journal entry."""
    currency = step.bundle.currency
    if step.kind in OWED | PAID:
        return Money(abs(net(item_lines(step))), currency)
    return Money(sum(max(0, line.amount.minor) for line in step.lines), currency)


def _record(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> str:
    edition = read(chart.edition)
    if step.kind == "customer":
        return _customer(step, edition, chart)
    if step.kind == "otherChargeSaleItem":
        return _item(step, edition, chart)
    if step.kind in SALES:
        return sales(step, chart, accepted)
    if step.kind == "customerPayment":
        return payment(step, chart, accepted)
    return journal(step, chart, id_of(accepted, "customer") if "customer" in step.after else "")


def _customer(step: Step, edition: Edition, chart: Chart) -> str:
    """A customer in one currency. Its name over there is its key, so that two of one name do not clash."""
    name, key = customer_name(step.bundle), step.reference
    home = step.bundle.currency == chart.home_currency
    party = step.bundle.customer
    fields = [
        element("relationships:entityId", text=f"{name[:60]} {key}"),
        element("relationships:isPerson", text="false"),
        element("relationships:companyName", text=name),
    ]
    if party is not None and party.external_id and "@" in party.email:
        fields.append(element("relationships:email", text=party.email[:254]))
    if edition.subsidiary:
        fields.append(ref("relationships:subsidiary", edition.subsidiary))
    currency = edition.currencies.get(step.bundle.currency, "")
    if currency and not home:
        fields.append(ref("relationships:currency", currency))
    return element("msg:record", *fields, kind="relationships:Customer", externalId=key)


def _item(step: Step, edition: Edition, chart: Chart) -> str:
    """An item whose sales land on one account; it carries no stock and no price."""
    account = step.detail["account"]
    untaxed = next((code.id for code in chart.tax_codes if code.active and code.rate == 0), "")
    fields = [ref("accounting:incomeAccount", account)]
    if edition.tax_schedule:
        fields.append(ref("accounting:taxSchedule", edition.tax_schedule))
    fields.append(element("accounting:itemId", text=item_name(chart, account)))
    if edition.subsidiary:
        inside = element("core:recordRef", internalId=edition.subsidiary)
        fields.append(element("accounting:subsidiaryList", inside))
    if untaxed and not edition.tax_schedule:
        fields.append(ref("accounting:salesTaxCode", untaxed))
    return element("msg:record", *fields, kind="accounting:OtherChargeSaleItem", externalId=step.reference)
