"""Whatever the API's own description allows, and much that it does not, is answered without a fault of ours."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from leja.access import organisations, tokens
from leja.access.vault import Vault
from leja.house import House, Settings
from leja.web.api import application

EXAMPLES = 12


@pytest.fixture
def client(database, clock, tmp_path):
    house = House(Settings(home=tmp_path), database, Vault.open_file(tmp_path / "vault.key"), clock)
    with database.transaction() as conn:
        org = organisations.create(conn, "Asha", base_currency="GBP", now=clock())
        token = tokens.create(conn, org.org_id, "all", list(tokens.SCOPES), clock())
    with TestClient(application(house)) as made:
        made.headers["authorization"] = f"Bearer {token}"
        made.org_id = org.org_id
        yield made


def operations(client):
    raw = client.get("/schema/openapi.json").json()
    schema = schemathesis.openapi.from_dict(raw)
    return [found.ok() for found in schema.get_all_operations()]


def send(client, case, org_id):
    path = case.formatted_path.replace(str((case.path_parameters or {}).get("org", "{org}")), str(org_id))
    more = {"json": case.body} if isinstance(case.body, dict | list | str | int | float | bool) else {}
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    return client.request(case.method, path, params=query, **more)


def test_every_operation_stands_in_the_description(client) -> None:
    assert len(operations(client)) > 25


def test_what_the_description_allows_is_never_our_fault(client) -> None:
    seen = set()
    for operation in operations(client):
        label = operation.label

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), label=st.just(label))
        def holds(case, label):
            answer = send(client, case, client.org_id)
            seen.add(answer.status_code)
            assert answer.status_code < 500, (label, answer.text)
            if answer.status_code >= 400:
                assert set(answer.json()) == {"code", "message", "remedy"}, label

        holds()
    assert 200 in seen


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_bodies_and_queries_that_nobody_described_are_refused_not_failed(client, data) -> None:
    operation = data.draw(st.sampled_from(["mapping", "periods/2026-05/lock", "periods/2026-13/reopen", "review/x/retry"]))
    body = data.draw(st.one_of(st.binary(max_size=60), st.sampled_from([b"{", b"[]", b"null", b'{"reason": "\x00"}', b'{"reason":"' + b"\xff" + b'"}', b"[" * 5000])))
    kind = data.draw(st.sampled_from(["application/json", "text/plain", "application/x-msgpack", "multipart/form-data", ""]))
    query = data.draw(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3))
    answer = client.post(f"/api/v1/orgs/{client.org_id}/{operation}", content=body, headers={"content-type": kind}, params=query)
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) == {"code", "message", "remedy"}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"before": "-1"}, {"in_state": "odd"}, {"before": str(2**70)},
                                   {"connection": "\x00"}])
def test_a_query_out_of_range_is_refused(client, query) -> None:
    answer = client.get(f"/api/v1/orgs/{client.org_id}/events", params=query)
    assert answer.status_code == 400, answer.text


def test_text_that_the_database_cannot_hold_is_refused(client) -> None:
    answer = client.get(f"/api/v1/orgs/{client.org_id}/explain", params={"of": "\x00"})
    assert answer.status_code in (400, 404)
    answer = client.post(f"/api/v1/orgs/{client.org_id}/periods/2026-05/lock", json={"reason": "a\x00b"})
    assert answer.status_code == 400
