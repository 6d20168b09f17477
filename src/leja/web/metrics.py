"""Figures for a monitor, in Prometheus' text format: one organisation's with its token, all with ``LEJA_METRICS_TOKEN``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import MediaType, Request, Response, get
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leja.database.engine import Database
from leja.web.api_access import PUBLIC, Forbidden, Unauthorised, bearer_of, house_of, same, token_of

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

_CONNECTED: Final = " JOIN connection c USING (org_id, connection_id)"
_OF: Final = "org_id = ANY(%(orgs)s)"

# name, what it says, its labels, and the question whose rows are (organisation, labels ..., figure). What has come to its
# end is not counted: each question looks at what is open, or at the last day.
QUESTIONS: Final[Sequence[tuple[str, str, tuple[str, ...], str]]] = (
    (
        "leja_inbox_lag_seconds",
        "age of the oldest event that is not recorded yet",
        (),
        (
            "SELECT o.org_id, coalesce(extract(epoch FROM %(now)s - (SELECT e.received_at FROM event_state s JOIN event e"
            " USING (org_id, event_id) WHERE s.org_id = o.org_id AND s.state = 'new' ORDER BY s.seq LIMIT 1)), 0)::float8"
            f" FROM org o WHERE o.{_OF}"
        ),
    ),
    (
        "leja_events",
        "events that are new, wait or are parked",
        ("state",),
        (
            f"SELECT org_id, 'new', count(*) FROM event_state WHERE state = 'new' AND {_OF} GROUP BY 1 UNION ALL"
            f" SELECT org_id, state, count(*) FROM event_state WHERE state IN ('waiting', 'parked') AND {_OF} GROUP BY 1, 2"
        ),
    ),
    (
        "leja_outbox_entries",
        "entries that a target is not told of yet: waiting, due or held",
        ("target", "state"),
        (
            "SELECT o.org_id, c.name, CASE WHEN o.held <> '' THEN 'held' WHEN o.due_at <= %(now)s THEN 'due'"
            f" ELSE 'waiting' END, count(*) FROM outbox o{_CONNECTED} WHERE o.{_OF} GROUP BY 1, 2, 3"
        ),
    ),
    (
        "leja_deliverables",
        "deliverables that are open or parked",
        ("target", "state"),
        (
            f"SELECT d.org_id, c.name, d.state, count(*) FROM deliverable d{_CONNECTED}"
            f" WHERE d.state IN ('open', 'parked') AND d.{_OF} GROUP BY 1, 2, 3"
        ),
    ),
    (
        "leja_delivery_outcomes_day",
        "answers of targets to the attempts of the last 24 hours, by kind",
        ("target", "outcome"),
        (
            "SELECT a.org_id, c.name, o.kind, count(*) FROM attempt a JOIN outcome o USING (org_id, attempt_id)"
            " JOIN connection c ON c.org_id = a.org_id AND c.connection_id = a.connection_id"
            f" WHERE a.attempt_id >= %(day)s AND a.{_OF} GROUP BY 1, 2, 3"
        ),
    ),
    (
        "leja_review_items_open",
        "things that a person must decide, by code",
        ("code",),
        f"SELECT org_id, code, count(*) FROM review_item WHERE settled_at IS NULL AND {_OF} GROUP BY 1, 2",
    ),
    (
        "leja_differences_open",
        "unexplained differences between books and target",
        ("target",),
        (
            f"SELECT d.org_id, c.name, count(*) FROM difference d{_CONNECTED}"
            f" WHERE d.settled_at IS NULL AND NOT d.known AND d.{_OF} GROUP BY 1, 2"
        ),
    ),
    (
        "leja_lease_epoch",
        "how often each lease was taken",
        ("lease",),
        f"SELECT org_id, name, epoch FROM lease WHERE {_OF}",
    ),
    (
        "leja_refused_requests",
        "webhook requests that were refused, by code",
        ("connection", "code"),
        (
            f"SELECT r.org_id, c.name, r.code, sum(r.count)::bigint FROM refused_request r{_CONNECTED}"
            f" WHERE r.{_OF} GROUP BY 1, 2, 3"
        ),
    ),
    (
        "leja_work_failures",
        "failures in a row of a worker's step",
        ("step", "subject"),
        f"SELECT org_id, step, subject, failures FROM work WHERE failures > 0 AND {_OF}",
    ),
)


class Measured:
    """What this process measures of itself; each application has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.webhooks = Histogram(
            "leja_webhook_seconds",
            "time to a durable answer at the webhook door",
            ["status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.requests = Counter("leja_api_requests", "answers of the API", ["status"], registry=self.registry)


class _Stored(Collector):
    def __init__(self, figures: list[Metric]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The figures that were asked for."""
        return self._figures


@get("/metrics", opt=PUBLIC, media_type=MediaType.TEXT, operation_id="metrics")
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Figures in Prometheus' text format. Needs a token with scope read, or the one of ``LEJA_METRICS_TOKEN``."""
    house, measured = house_of(request), request.app.state.measured
    orgs, everything = await asyncio.to_thread(_whose, request)
    stored = CollectorRegistry()
    stored.register(_Stored(await asyncio.to_thread(figures, house.database, orgs, house.clock())))
    text = generate_latest(stored) + (generate_latest(measured.registry) if everything else b"")
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _whose(request: Request[Any, Any, Any]) -> tuple[list[UUID], bool]:
    """Whose figures the request may see, and whether also the process's own."""
    house = house_of(request)
    if same(house.settings.metrics_token, token_of(request)):
        with house.database.transaction() as conn:
            return [row[0] for row in conn.execute("SELECT org_id FROM org")], True
    said = bearer_of(request)
    if said is None:
        raise Unauthorised("api-token", "a valid token is needed")
    if not said.scopes & {"read", "admin"}:
        raise Forbidden("api-scope", "this needs the scope 'read'")
    return [said.org_id], False


def figures(database: Database, orgs: Sequence[UUID], now: datetime) -> list[Metric]:
    """What the tables say about these organisations."""
    found: list[Metric] = []
    day = UUID(int=int((now - timedelta(days=1)).timestamp() * 1000) << 80)  # attempts bear the time in their ids
    with database.transaction() as conn:
        conn.execute("SELECT set_config('statement_timeout', '20000', true)")
        for name, words, labels, question in QUESTIONS:
            metric = GaugeMetricFamily(name, words, labels=["org", *labels])
            for row in conn.execute(question.encode(), {"orgs": list(orgs), "now": now, "day": day}):
                metric.add_metric([str(label) for label in row[:-1]], row[-1])
            found.append(metric)
    return found


def counted(app: ASGIApp) -> ASGIApp:
    """Counts the API's answers by status."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                scope["app"].state.measured.requests.labels(str(message["status"])).inc()  # type: ignore[typeddict-item]
            await send(message)

        await app(scope, receive, noted)

    return counting


def timed(measured: Measured, app: Any) -> Any:
    """Times the webhook door's answers."""

    async def timing(scope: Any, receive: Any, send: Any) -> None:
        begun = time.perf_counter()

        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                measured.webhooks.labels(str(message["status"])).observe(time.perf_counter() - begun)
            await send(message)

        await app(scope, receive, noted)

    return timing
