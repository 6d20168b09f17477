"""A till with words of its own: its JSON and its tables through a mapping file onto the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from leja.connectors.contract import Context, RawEvent
from leja.connectors.prysm_pos import Settings
from leja.connectors.prysm_pos.mapping import mapped, require_supported
from leja.connectors.prysm_pos.source import decode, detect, read_file
from leja.connectors.prysm_pos.webhook import canonical, violations
from leja.core.errors import Refused
from leja.documents.refund import Refund
from leja.documents.sale import Sale

README = Path(__file__).resolve().parents[1] / "README.md"
PLAIN = {"number": "json_number"}


def _n(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, **PLAIN, **more}


MAPPING: dict[str, Any] = {
    "system": "example-pos",
    "event": {
        "type": {"path": "Type", "map": {"SALE": "transaction.completed", "REFUND": "transaction.completed",
                                         "EXCH": "transaction.completed", "VOID": "transaction.voided"}},
        "dedupe_key": ["StoreNo", "RegNo", "BizDate", "TxnNo"],
    },
    "source": {"store_id": {"path": "StoreNo"}, "workstation_id": {"path": "RegNo"}},
    "transaction": {
        "transaction_id": {"path": "TxnID"}, "business_date": {"path": "BizDate", "format": "%d/%m/%Y"},
        "workstation_id": {"path": "RegNo"}, "sequence_number": {"path": "TxnNo"},
        "kind": {"path": "Type", "map": {"SALE": "sale", "REFUND": "return", "EXCH": "exchange"}},
        "began_at": {"path": "EndTime", "format": "%d/%m/%Y %H:%M:%S", "tz": "Europe/London"},
        "ended_at": {"path": "EndTime", "format": "%d/%m/%Y %H:%M:%S", "tz": "Europe/London"},
        "currency": {"path": "Curr"}, "prices_include_tax": {"const": False},
        "lines": {
            "each": "Items[]", "line_number": {"path": "Ln"},
            "kind": {"path": "Qty", "sign": {"positive": "sale", "negative": "return"}}, "sku": {"path": "PLU"},
            "description": {"path": "Desc"}, "quantity": _n("Qty"), "unit_price": _n("Price"), "net_amount": _n("Ext"),
            "discounts": [{"amount": _n("Disc"), "kind": {"const": "discount"}, "omit_if_zero": True}],
            "taxes": [{"code": {"path": "TaxCd"}, "name": {"const": "VAT"}, "rate_percent": _n("TaxPct"),
                       "taxable_amount": _n("Ext"), "amount": _n("TaxAmt"), "included_in_price": {"const": False}}],
        },
        "tenders": {"each": "Pays[]", "tender_number": {"index": 1},
                    "kind": {"path": "Typ", "map": {"CC": "card", "CA": "cash", "GC": "gift_card", "AR": "on_account"}, "default": "other"},
                    "amount": _n("Amt"), "reference": {"path": "Ref"}, "card_last4": {"path": "Last4"}},
        "totals": {"net": {"sum": "lines.net_amount"}, "tax": _n("TaxTotal"), "gross": _n("Total"), "tendered": {"sum": "tenders.amount"}},
    },
}  # fmt: skip

TABLE: dict[str, Any] = {
    **MAPPING,
    "event": {"type": {"const": "transaction.completed"}, "dedupe_key": ["Store", "Till", "Day", "No"]},
    "source": {"store_id": {"path": "Store"}},
    "transaction": {
        "transaction_id": {"path": "No"}, "business_date": {"path": "Day", "format": "%d.%m.%Y"},
        "workstation_id": {"path": "Till"}, "sequence_number": {"path": "No"}, "kind": {"const": "sale"},
        "began_at": {"path": "Time", "format": "%d.%m.%Y %H:%M"}, "ended_at": {"path": "Time", "format": "%d.%m.%Y %H:%M"},
        "currency": {"const": "EUR"}, "prices_include_tax": {"const": True},
        "lines": {
            "each": "rows[]", "where": {"path": "Rec", "in": ["I"]}, "line_number": {"index": 1}, "kind": {"const": "sale"},
            "description": {"path": "Text"}, "quantity": {"path": "Qty", "number": "text"},
            "unit_price": {"path": "Price", "number": "text"}, "net_amount": {"path": "Net", "number": "text"},
            "taxes": [{"name": {"const": "MwSt"}, "rate_percent": {"path": "Rate", "number": "text"}, "taxable_amount": {"path": "Net", "number": "text"},
                       "amount": {"path": "Tax", "number": "text"}, "included_in_price": {"const": True}}],
        },
        "tenders": {"each": "rows[]", "where": {"path": "Rec", "in": ["P"]}, "tender_number": {"index": 1},
                    "kind": {"path": "Text", "map": {"EC": "card", "Bar": "cash"}}, "amount": {"path": "Price", "number": "text"}},
        "totals": {"net": {"sum": "lines.net_amount"}, "tax": {"path": "TaxTotal", "number": "text"},
                   "gross": {"path": "Total", "number": "text"}, "tendered": {"sum": "tenders.amount"}},
    },
}  # fmt: skip
HEADINGS = "Store;Till;Day;No;Time;Rec;Text;Qty;Price;Net;Rate;Tax;TaxTotal;Total"
ROWS = (
    "S1;K1;14.09.2026;0001;14.09.2026 11:02;I;Becher;2;5,95;10,00;19;1,90;1,90;11,90",
    "S1;K1;14.09.2026;0001;14.09.2026 11:02;P;Bar;;10,00;;;;;",
    "S1;K1;14.09.2026;0001;14.09.2026 11:02;P;EC;;1,90;;;;;",
    "S1;K1;14.09.2026;0002;14.09.2026 11:05;I;Tee;0,345;23,70;7,64;7;0,54;0,54;8,18",
    "S1;K1;14.09.2026;0002;14.09.2026 11:05;P;EC;;8,18;;;;;",
)
CONTEXT = Context(settings=Settings(mapping=MAPPING), zone="Europe/London", base_currency="GBP")


def native(**changes: Any) -> dict[str, Any]:
    """A body in the till's own words."""
    return {
        "TxnID": "90001234", "StoreNo": 14, "RegNo": 3, "TxnNo": 5521, "BizDate": "14/09/2026", "EndTime": "14/09/2026 11:02:30",
        "Type": "SALE", "Curr": "GBP", "Total": 21.6, "TaxTotal": 3.6,
        "Items": [{"Ln": 1, "PLU": "1001", "Desc": "Mug", "Qty": 2, "Price": 10.0, "Ext": 18.0, "Disc": 2.0, "TaxCd": "A", "TaxPct": 20.0, "TaxAmt": 3.6}],
        "Pays": [{"Typ": "CC", "Amt": 21.6, "Ref": "AUTH-1", "Last4": "4242"}], **changes,
    }  # fmt: skip


def decoded(body: Any, settings: Settings | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    context = msgspec.structs.replace(CONTEXT, settings=settings) if settings else CONTEXT
    return decode(RawEvent(key="native/x", topic="native", body=raw), context)


def test_a_native_body_means_what_the_contract_would_say() -> None:
    said = mapped(native(), MAPPING)
    assert violations(said) == ("unbalanced", [])
    assert said["occurred_at"] == "2026-09-14T11:02:30+01:00"
    (sale,) = decoded(native()).documents
    assert isinstance(sale, Sale)
    assert (sale.header.external_id, sale.header.register, sale.total.minor) == ("14/3/2026-09-14/5521", "3", 2160)
    assert (sale.tenders[0].means, sale.tenders[0].reference) == ("card", "AUTH-1")
    (back,) = decoded(native(Type="REFUND", Total=-21.6, TaxTotal=-3.6, Pays=[{"Typ": "CA", "Amt": -21.6}],
                             Items=[{**native()["Items"][0], "Qty": -2, "Ext": -18.0, "Disc": -2.0, "TaxAmt": -3.6}])).documents  # fmt: skip
    assert isinstance(back, Refund)
    assert (back.total.minor, back.sale) == (2160, "")


def test_numbers_are_read_from_their_text_and_never_through_a_binary_float() -> None:
    body = json.dumps(native()).replace('"Price": 10.0', '"Price": 10.00000000000000000001').encode()
    with pytest.raises(Refused) as caught:
        decoded(body)
    assert caught.value.code == "prysm-contract"
    cents = {**MAPPING, "transaction": {**MAPPING["transaction"], "totals": {
        **MAPPING["transaction"]["totals"], "gross": {"path": "Total", "number": "minor_units", "scale": 2}}}}  # fmt: skip
    assert mapped(native(Total=2160), cents)["data"]["totals"]["gross"] == "21.60"


@pytest.mark.parametrize(("changes", "words"), [
    ({"Type": "GIFT"}, "in no row of its map"),
    ({"BizDate": "2026-09-14"}, "is not written as"),
    ({"Total": "a lot"}, "is no number"),
    ({"Items": {"Ln": 1}}, "is no list"),
])  # fmt: skip
def test_what_cannot_be_mapped_is_refused_with_its_member(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        decoded(native(**changes))
    assert caught.value.code == "prysm-mapping"


@pytest.mark.parametrize("change", [
    {"signature": {"scheme": "none"}}, {"checks": {"require_balanced": False}}, {"checks": {"tolerance": "0.01"}}, {"event": {}},
    {"transaction": None},
])  # fmt: skip
def test_a_mapping_that_asks_for_what_is_not_done_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        require_supported({**MAPPING, **change})
    assert caught.value.code == "prysm-mapping"


def test_a_word_that_no_mapping_knows_is_refused() -> None:
    wrong = {**MAPPING, "source": {"store_id": {"path": "StoreNo", "colour": "red"}}}
    with pytest.raises(Refused, match="colour"):
        mapped(native(), wrong)


def test_the_contracts_own_mapping_file_reads_its_native_example(specs: Path) -> None:
    mapping = yaml.safe_load((specs / "mapping.example.yaml").read_text())
    body = (specs / "examples" / "native_payload.example.json").read_bytes()
    (sale,) = decoded(body, Settings(mapping=mapping)).documents
    assert (sale.total.minor, sale.header.external_id) == (2160, "14/3/2026-09-14/5521")


def test_the_mapping_of_the_readme_is_one() -> None:
    (shown,) = [part.split("```")[0] for part in README.read_text().split("```yaml\n")[1:]]
    require_supported(yaml.safe_load(shown))
    said = mapped(native(), yaml.safe_load(shown))
    assert violations(said) == ("unbalanced", [])


def table(*rows: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join((headings, *rows, "")).encode("cp1252")


def pieces(content: bytes, size: int = 70) -> Iterator[bytes]:
    """The head holds whole lines enough to judge by, as intake hands it."""
    yield content[:400]
    for at in range(400, len(content), size):
        yield content[at : at + size]


def test_a_table_is_detected_and_read_into_the_events_of_its_webhook() -> None:
    settings = Settings(mapping=TABLE, zone="Europe/Berlin")
    shape = detect(table(*ROWS), settings)
    assert (shape.delimiter, shape.decimal_mark, shape.encoding) == (";", ",", "utf-8")
    assert shape.columns["transaction.lines.net_amount"] == "Net"
    assert set(shape.detected) == {"encoding", "delimiter", "decimal_mark"}
    found = list(read_file(pieces(table(*ROWS)), "day.csv", settings))
    assert [event.key for event in found] == ["transaction/S1/K1/2026-09-14/0001", "transaction/S1/K1/2026-09-14/0002"]
    assert [event.headers["leja-row"] for event in found] == ["2", "5"]
    context = Context(settings=settings, zone="Europe/Berlin", base_currency="EUR")
    sales = [decode(event, context).documents[0] for event in found]
    assert [sale.total.minor for sale in sales if isinstance(sale, Sale)] == [1190, 818]
    assert [tender.means for tender in sales[0].tenders] == ["cash", "card"]  # type: ignore[union-attr]
    assert sales[0].header.occurred_at.isoformat() == "2026-09-14T11:02:00+02:00"


def test_the_same_transaction_by_file_and_by_webhook_is_the_same_event() -> None:
    settings = Settings(mapping=TABLE, zone="Europe/Berlin")
    (event, _) = read_file(iter([table(*ROWS)]), "day.csv", settings)
    rows = [dict(zip(HEADINGS.split(";"), row.split(";"), strict=True)) for row in ROWS[:3]]
    plain = json.loads(event.body)
    assert event.body == canonical({**plain, "occurred_at": "2026-09-20T00:00:00Z", "source": {"store_id": "S1", "system": "x"}})
    assert len(plain["data"]["lines"]) == len([row for row in rows if row["Rec"] == "I"])


def test_rows_that_cannot_be_read_say_so_and_the_others_go_on() -> None:
    odd = "S1;K1;14.09.2026;0003;14.09.2026 25:00;I;x;1;1,00;1,00;0;0,00;0,00;1,00"
    card = "S1;K1;14.09.2026;0004;14.09.2026 11:00;I;4242 4242 4242 4242;1;1,00;1,00;0;0,00;0,00;1,00"
    found = list(read_file(iter([table(odd, card, *ROWS)]), "day.csv", Settings(mapping=TABLE, zone="Europe/Berlin")))
    assert [event.key for event in found][:2] == ["", ""]
    assert "is not written as" in found[0].headers["leja-unreadable"]
    assert b"4242" not in found[1].body
    assert len(found) == 4


@pytest.mark.parametrize(("content", "code"), [
    (b"", "file-empty"), (table(*ROWS, headings=HEADINGS.replace("Net", "Netto")), "file-column-missing"),
    (table('"S1;K1'), "file-quotes"),
])  # fmt: skip
def test_what_is_wrong_with_the_whole_file_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        list(read_file(iter([content] if content else []), "day.csv", Settings(mapping=TABLE, zone="Europe/Berlin")))
    assert caught.value.code == code


def test_a_table_without_a_mapping_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        detect(table(*ROWS), Settings())
    assert caught.value.code == "prysm-mapping"
