"""Both ways in, what a server is asked once, and what refusals mean."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from leja.connectors.contract import Later, Rejected, Session
from leja.connectors.odoo.api import asked, call, read, server
from leja.connectors.odoo.faults import Fault, outcome_of, raise_for_read
from leja.connectors.odoo.tests.books import ADDRESS, NOW, Books
from leja.core.errors import NeedsConsent, NeedsReview, Refused, Transient
from leja.http.client import Http
from leja.http.pacing import Pacing


def answering(books: Books, *answers: tuple[int, bytes]) -> Session:
    """A session that is given these answers, the last one for ever."""
    left = list(answers)

    def answer(_: httpx2.Request) -> httpx2.Response:
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return httpx2.Response(status, content=body)

    http = Http(base_url=ADDRESS, now=books.clock, transport=httpx2.MockTransport(answer), private_hosts=frozenset({"127.0.0.1:80"}),
                pacing=Pacing(now=books.clock, sleep=books.sleep), sleep=books.sleep)  # fmt: skip
    return Session(http=http, settings=books.session.settings, base_url=ADDRESS, tenant="", now=books.clock, context=books.session.context)


def reply(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


@pytest.mark.parametrize(("version", "way"), [("16.0", "/jsonrpc"), ("18.0", "/jsonrpc"), ("19.0", "/json/2/res.users/context_get")])
def test_the_way_in_is_chosen_by_the_version_and_asked_for_once(version: str, way: str) -> None:
    books = Books(version)
    for _ in range(3):
        books.run(call(books.session, "res.users", "context_get", {}))
    assert str(books.asked[-1].url.path) == way
    assert books.called().count("common.version") == 1
    assert books.called().count("common.login") == (0 if version == "19.0" else 1)
    books.clock.advance(3_700)
    books.run(call(books.session, "res.users", "context_get", {}))
    assert books.called().count("common.version") == 2


def test_a_stated_version_is_not_asked_for() -> None:
    books = Books("18.0")
    session = books.opened(version="18.0")
    books.run(call(session, "res.users", "context_get", {}))
    assert "common.version" not in books.called()
    assert books.run(server(books.opened(version="saas~18.2"))).major == 18


def test_who_no_longer_has_json_rpc_has_json_2() -> None:
    books = Books()
    session = answering(books, (404, b"<h1>Not Found</h1>"), (200, b"[]"))
    assert books.run(read(session, "res.partner", [1], ["name"])) == []
    assert books.run(server(session)).json2


def test_an_old_server_is_refused() -> None:
    books = Books()
    with pytest.raises(Refused) as refused:
        books.run(server(answering(books, (200, reply({"server_version": "15.0"})))))
    assert refused.value.code == "odoo-version"
    with pytest.raises(Transient):
        books.run(server(answering(books, (200, reply({})))))
    with pytest.raises(NeedsReview) as held:
        books.run(server(answering(books, (200, b"<html>shop</html>"))))
    assert held.value.code == "odoo-database"


@pytest.mark.parametrize("version", ["17.0", "19.0"])
def test_a_wrong_key_or_database_is_told_as_what_it_is(version: str) -> None:
    books = Books(version, databases_served=2)
    with pytest.raises(NeedsConsent):
        books.run(call(books.opened(api_key="0" * 40), "res.users", "context_get", {}))
    with pytest.raises(NeedsReview) as held:
        books.run(asked(books.opened(database="other"), "res.users", "context_get", {}))
    assert held.value.code == "odoo-database"


def test_a_reply_without_result_is_nothing() -> None:
    books = Books("18.0")
    session = answering(books, (200, reply({"server_version": "18.0"})), (200, reply(2)), (200, b'{"jsonrpc":"2.0","id":1}'))
    assert books.run(call(session, "stock.quant", "action_apply_inventory", {}, ids=[1])) is None


def test_floats_are_read_from_their_text() -> None:
    books = Books()
    session = answering(books, (200, reply({"server_version": "19.0"})), (200, b'[{"id": 1, "amount": 59.970000000000006}]'))
    (row,) = books.run(read(session, "account.move", [1], ["amount"]))
    assert str(row["amount"]) == "59.970000000000006"


@pytest.mark.parametrize("body", [b"{}", b'["x"]', b'[{"name": "no id"}]', b"not json", b"12"])
def test_what_is_no_list_of_records_is_tried_again(body: bytes) -> None:
    books = Books()
    session = answering(books, (200, reply({"server_version": "19.0"})), (200, body))
    with pytest.raises(Transient) as error:
        books.run(read(session, "account.move", [1], ["name"]))
    assert error.value.code == "odoo-answer-unreadable"


@pytest.mark.parametrize(("fault", "code", "remedy"), [
    (Fault("odoo.exceptions.UserError", "You need to add a line before posting."), "odoo-refused", "review"),
    (Fault("odoo.exceptions.AccessDenied", "Access Denied"), "odoo-authorisation", "consent"),
    (Fault("odoo.exceptions.AccessError", "not allowed"), "odoo-forbidden", "review"),
    (Fault("odoo.exceptions.UserError", "You cannot add/modify entries prior to and inclusive of: 2026-01-31."), "odoo-period-locked",
     "period_locked"),
    (Fault("", "No matching record found for database id '9' in field 'Account'"), "odoo-reference-inactive", "mapping"),
    (Fault("odoo.exceptions.UserError", "The account Sales (400000) is archived."), "odoo-reference-inactive", "mapping"),
])  # fmt: skip
def test_what_a_refusal_of_a_write_means(fault: Fault, code: str, remedy: str) -> None:
    said = outcome_of(fault, NOW)
    assert isinstance(said, Rejected)
    assert (said.code, said.remedy) == (code, remedy)
    assert "Traceback" not in said.words


@pytest.mark.parametrize("fault", [
    Fault("psycopg2.errors.SerializationFailure", "could not serialize access due to concurrent update"),
    Fault("psycopg2.OperationalError", "server closed the connection"), Fault("", "deadlock detected"),
])  # fmt: skip
def test_a_clash_comes_later_and_a_read_is_tried_again(fault: Fault) -> None:
    assert isinstance(outcome_of(fault, NOW), Later)
    with pytest.raises(Transient):
        raise_for_read(fault)


def test_what_a_refusal_of_a_read_means() -> None:
    with pytest.raises(NeedsConsent):
        raise_for_read(Fault("odoo.exceptions.AccessDenied", "Access Denied"))
    for fault, code in ((Fault("odoo.exceptions.AccessError", "no"), "odoo-forbidden"), (Fault("builtins.ValueError", "x"), "odoo-read-refused")):
        with pytest.raises(NeedsReview) as held:
            raise_for_read(fault)
        assert held.value.code == code
