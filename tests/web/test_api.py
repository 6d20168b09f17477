"""The API: nothing without a token, nothing of another organisation, errors with a way out, actions that leave a trace."""

from __future__ import annotations

import re
import time
from datetime import date
from uuid import uuid4

import pytest
from litestar.testing import TestClient

from leja.access import log, organisations, tokens
from leja.access.vault import Vault
from leja.core.errors import Transient
from leja.database import review
from leja.database.watch import Watch
from leja.house import House, Settings
from leja.web import api_access
from leja.web.api import application

OPEN = {"/health", "/ready", "/metrics"}


class Served:
    """Two organisations, their tokens, a connection each, behind the API."""

    def __init__(self, client, house, a, b):
        self.client, self.house, self.a, self.b = client, house, a, b
        self.tokens, self.items = {}, {}
        for org in (a, b):
            with house.database.transaction() as conn:
                self.tokens[org.org_id] = tokens.create(conn, org.org_id, "all", list(tokens.SCOPES), house.clock())
                review.open_item(conn, org.org_id, "some-code", f"connection/{org.org_id}", f"of {org.name}", "do it", house.clock())
                (found,) = review.items(conn, org.org_id)
                self.items[org.org_id] = found.item_id
                for name, duty, slug in (("shop", "sales", "retail_csv"), ("books", "accounting", "xero")):
                    conn.execute(
                        "INSERT INTO connection (org_id, connection_id, name, slug, duty, settings, start_date, door, created_at)"
                        " VALUES (%s, %s, %s, %s, %s, '{}', %s, %s, %s)",
                        (org.org_id, uuid4(), f"{name} of {org.name}", slug, duty, date(2026, 1, 1), f"door-{name}-{org.name}", house.clock()))

    def token(self, *scopes, org=None):
        with self.house.database.transaction() as conn:
            return tokens.create(conn, (org or self.a).org_id, "some", scopes, self.house.clock())

    def call(self, method, path, token=None, **more):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path, org=None, **params):
        org = org or self.a
        return self.call("GET", f"/api/v1/orgs/{org.org_id}{path}", self.tokens[self.a.org_id], params=params)

    def post(self, path, data=None, token=None):
        return self.call("POST", f"/api/v1/orgs/{self.a.org_id}{path}", token or self.tokens[self.a.org_id], json=data)


@pytest.fixture
def served(database, clock, tmp_path):
    house = House(Settings(home=tmp_path, metrics_token="m" * 40), database, Vault.open_file(tmp_path / "vault.key"), clock)
    with database.transaction() as conn:
        a, b = (organisations.create(conn, name, base_currency="GBP", now=clock()) for name in ("Asha", "Baraka"))
    with TestClient(application(house)) as client:
        yield Served(client, house, a, b)


def routes(app):
    """Every method and path that the application answers, read from the application itself."""
    return sorted({
        (method, route.path) for route in app.routes for method in getattr(route, "methods", ()) if method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    })


def filled(path, org, item):
    path = path.replace("{org:uuid}", str(org.org_id)).replace("{item:uuid}", str(item)).replace("{period:str}", "2026-05").replace("{mending_id:uuid}", str(item))
    return re.sub(r"\{name:str\}", f"shop of {org.name}", path)


BODIES = {"lock": {"reason": "r"}, "reopen": {"reason": "r"}, "mapping": {"scope": "books", "key": "bank", "value": "1000", "reason": "r"},
          "mend": {"way": "accept"}, "undo": {"what": "entry", "name": "1"}, "redo": {}, "typed-in": {"answer": "same"}}


def asked(served, method, path, token, org):
    body = BODIES.get(path.rsplit("/", 1)[-1]) if method == "POST" else None
    query = {"target": f"books of {org.name}"}
    if path.endswith("/explain"):
        query["of"] = "account 1000 2026-05-01"
    return served.call(method, filled(path, org, served.items[org.org_id]), token, params=query, json=body)


def test_there_are_routes_to_look_at(served) -> None:
    assert len(routes(served.client.app)) > 25


def test_nothing_is_answered_without_a_token_but_health_and_readiness(served) -> None:
    for method, path in routes(served.client.app):
        for token in (None, "leja_wrong", "x" * 5000):
            answer = asked(served, method, path, token, served.a)
            if path in ("/health", "/ready"):
                assert answer.status_code == 200
                assert "Asha" not in answer.text
            else:
                assert (answer.status_code, answer.json()["code"]) == (401, "api-token"), path
                assert set(answer.json()) == {"code", "message", "remedy"}


def test_another_organisations_token_finds_nothing_on_any_route(served) -> None:
    theirs = served.tokens[served.b.org_id]
    for method, path in routes(served.client.app):
        if "{org:uuid}" not in path:
            continue
        answer = asked(served, method, path, theirs, served.a)
        assert (answer.status_code, answer.json()["code"]) == (404, "org-unknown"), path
    with served.house.database.transaction() as conn:
        assert review.items(conn, served.a.org_id)[0].settled_at is None
        assert conn.execute("SELECT count(*) FROM access_log WHERE org_id = %s", (served.a.org_id,)).fetchone() == (0,)


def test_the_second_wall_holds_by_itself(served, monkeypatch) -> None:
    """The first wall taken away: under row-level security each question still finds nothing of another organisation."""
    theirs = served.tokens[served.b.org_id]

    async def only_who(connection, handler):
        connection.scope["user"] = api_access.bearer_of(connection)

    monkeypatch.setattr(api_access, "require_token", only_who)
    monkeypatch.setattr("leja.web.api.require_token", only_who)
    app = application(served.house)
    shown = 0
    with TestClient(app) as client:
        unguarded = Served.__new__(Served)
        unguarded.__dict__ |= served.__dict__ | {"client": client}
        for method, path in routes(app):
            if "{org:uuid}" not in path:
                continue
            answer = asked(unguarded, method, path, theirs, served.a)
            assert "Asha" not in answer.text.replace("books of Asha", "").replace("shop of Asha", ""), path
            assert answer.status_code in (200, 400, 404, 409), (path, answer.text)
            if answer.status_code == 200:
                shown += 1
                found = answer.json()
                empty = found in ([], {"items": [], "next": None}) or not any(_leaves(found))
                assert empty, (path, answer.text)
    assert shown > 8
    with served.house.database.transaction() as conn:
        assert review.items(conn, served.a.org_id)[0].settled_at is None


def _leaves(value):
    """What an answer says beyond its shape, its words for "nothing", and its scope."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("scope", "ok"):
                yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value not in (None, "", 0, False):
        yield value


def test_the_web_role_cannot_read_secrets_or_write(database) -> None:
    import psycopg

    for sql in ("SELECT * FROM secret", "SELECT * FROM token_grant", "SELECT * FROM lease", "UPDATE org SET name = ''", "DELETE FROM work"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction("web", orgs=[uuid4()]) as conn:
            conn.execute(sql.encode())


@pytest.mark.parametrize(("path", "scope"), [
    ("/periods/2026-05/lock", "period"), ("/mapping", "mapping"), ("/review/{item}/dismiss", "review"), ("/review/{item}/retry", "review"),
])
def test_an_action_needs_its_scope(served, path, scope) -> None:
    path = path.replace("{item}", str(served.items[served.a.org_id]))
    body = BODIES.get(path.rsplit("/", 1)[-1])
    answer = served.post(path, body, token=served.token("read"))
    assert (answer.status_code, answer.json()["code"]) == (403, "api-scope")
    assert served.post(path, body, token=served.token(scope)).status_code in (200, 201)


def test_a_revoked_token_ends_at_once(served) -> None:
    token = served.token("read")
    path = "/api/v1/orgs"
    assert served.call("GET", path, token).status_code == 200
    with served.house.database.transaction() as conn:
        tokens.revoke(conn, served.a.org_id, "some", served.house.clock())
    assert served.call("GET", path, token).status_code == 401


def test_a_token_sees_one_organisation(served) -> None:
    answer = served.call("GET", "/api/v1/orgs", served.tokens[served.a.org_id])
    assert [org["name"] for org in answer.json()] == ["Asha"]


def test_no_secret_and_no_webhook_address_is_shown(served) -> None:
    answer = served.get("/connections")
    assert {c["name"] for c in answer.json()} == {"shop of Asha", "books of Asha"}
    assert "door-" not in answer.text


def test_a_period_is_locked_and_reopened_with_a_reason_and_a_trace(served) -> None:
    assert served.post("/periods/2026-05/lock", {"reason": "May is filed"}).json()["state"] == "locked"
    again = served.post("/periods/2026-05/lock", {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "period-state")
    assert served.post("/periods/2026-05/reopen", {"reason": "late invoice"}).status_code == 200
    (period,) = served.get("/periods").json()
    assert [change["reason"] for change in period["changes"]] == ["May is filed", "late invoice"]
    assert [line["action"] for line in served.get("/access-log").json()] == ["period.lock", "period.reopen"]
    with served.house.database.transaction() as conn:
        assert log.verify(conn, served.a.org_id) == 2


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}, {"reason": 7}, []])
def test_a_lock_without_a_reason_is_refused_with_a_way_out(served, body) -> None:
    answer = served.post("/periods/2026-05/lock", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "request-invalid"
    assert served.get("/periods").json() == []


def test_a_mapping_is_decided_and_shown(served) -> None:
    before = served.get("/mapping").json()["rules"]
    answer = served.post("/mapping", {"scope": "books", "key": "bank", "value": "1010", "reason": "another bank"})
    assert answer.status_code == 201
    after = {rule["key"]: rule["value"] for rule in served.get("/mapping", of="books").json()["rules"]}
    assert after["bank"] == "1010"
    assert len(after) == len(before)
    unknown = served.post("/mapping", {"scope": "books", "key": "bank", "value": "nope", "reason": "r"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "mapping-account-unknown")


def test_a_review_item_is_dismissed_once(served) -> None:
    item = served.items[served.a.org_id]
    assert served.get(f"/review/{item}").json()["message"] == "of Asha"
    assert served.post(f"/review/{item}/dismiss").status_code == 200
    assert served.get("/review").json() == []
    (settled,) = served.get("/review", settled=True).json()
    assert settled["settled_by"] == "token:all"
    missing = served.post(f"/review/{uuid4()}/dismiss")
    assert (missing.status_code, missing.json()["code"]) == (404, "review-unknown")


def test_what_fails_inside_tells_nothing_of_the_inside(served, monkeypatch, caplog) -> None:
    def broken(conn, org_id):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("leja.web.api_periods.periods", broken)
    answer = served.get("/periods")
    assert (answer.status_code, answer.json()["code"]) == (500, "api-failed")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


def test_a_database_that_is_away_is_said_so_without_its_address(served, monkeypatch) -> None:
    def away(*_, **__):
        raise Transient("database-away", "the database cannot be reached: host=10.0.0.7 password=secret")

    token = served.tokens[served.a.org_id]
    monkeypatch.setattr(served.house.database, "transaction", away)
    answer = served.call("GET", "/api/v1/orgs", token)
    assert (answer.status_code, answer.json()["code"]) == (503, "database-away")
    assert "10.0.0.7" not in answer.text
    ready = served.call("GET", "/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
    assert served.call("GET", "/health").status_code == 200


def test_health_and_readiness_say_how_the_embedded_database_stands(served) -> None:
    assert served.call("GET", "/health").json() == {"status": "alive", "embedded": "elsewhere"}

    class Ended:
        def server_pid(self):
            return None

        def bring_back(self):
            raise Transient("database-away", "it does not start: password=secret")

    served.house._watch = Watch(Ended(), pause_seconds=0.01)
    served.house._watch.start()
    ends = time.monotonic() + 10
    while served.house.database_state != "restarting":
        assert time.monotonic() < ends
    for path, status in (("/health", 200), ("/ready", 200)):
        answer = served.call("GET", path)
        assert (answer.status_code, answer.json()["embedded"]) == (status, "restarting")
        assert "secret" not in answer.text
    served.house._watch.stop()


def test_a_schema_that_is_not_current_is_not_ready(served, owner_connection) -> None:
    assert served.call("GET", "/ready").status_code == 200
    owner_connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert served.call("GET", "/ready").status_code == 503


def test_a_body_over_the_limit_is_refused(served) -> None:
    answer = served.post("/periods/2026-05/lock", {"reason": "x" * 2_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")


def test_a_request_that_takes_too_long_is_answered(served, monkeypatch) -> None:
    import time

    monkeypatch.setattr("leja.web.api.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("leja.web.api_periods.periods", lambda conn, org_id: time.sleep(1) or [])
    answer = served.get("/periods")
    assert (answer.status_code, answer.json()["code"]) == (503, "api-slow")


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v1/orgs/not-an-id/review"])
def test_an_unknown_address_is_a_404_with_a_way_out(served, path) -> None:
    answer = served.call("GET", path, served.tokens[served.a.org_id])
    assert answer.status_code in (400, 404)
    assert answer.json()["remedy"]


def test_the_api_describes_itself(served) -> None:
    token = served.tokens[served.a.org_id]
    schema = served.call("GET", "/schema/openapi.json", token).json()
    assert schema["openapi"].startswith("3.1")
    described = set(schema["paths"])
    assert {"/api/v1/orgs/{org}/entries", "/api/v1/orgs/{org}/explain", "/health"} <= described
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation.get("description") or operation.get("summary"), path


def test_figures_need_a_token_and_one_organisations_token_sees_its_own(served) -> None:
    mine = served.call("GET", "/metrics", served.token("read")).text
    every = served.call("GET", "/metrics", "m" * 40).text
    assert str(served.a.org_id) in mine
    assert str(served.b.org_id) not in mine
    assert str(served.a.org_id) in every
    assert str(served.b.org_id) in every
    for name in ("leja_inbox_lag_seconds", "leja_review_items_open", "leja_outbox_entries", "leja_lease_epoch", "leja_refused_requests",
                 "leja_delivery_outcomes_day", "leja_events", "leja_webhook_seconds"):
        assert f"# TYPE {name}" in every
    assert served.call("GET", "/metrics", served.token("mapping")).status_code == 403


def test_an_empty_metrics_token_opens_nothing(served) -> None:
    import msgspec

    served.house.settings = msgspec.structs.replace(served.house.settings, metrics_token="")
    for header in ("Bearer ", "Bearer", ""):
        assert served.client.get("/metrics", headers={"authorization": header}).status_code == 401
