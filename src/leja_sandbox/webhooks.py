"""The webhooks that a stand-in has to deliver: kept in its store, sent with the vendor's retry rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

import httpx2
import msgspec

if TYPE_CHECKING:
    from leja_sandbox.kit import Environment

Manner = Literal["normal", "twice", "stale", "late", "lost"]
_CONCURRENT: Final = 32
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY, subscription TEXT NOT NULL, topic TEXT NOT NULL, url TEXT NOT NULL, headers BLOB NOT NULL,
    body BLOB NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'due',
    status INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS outgoing_due ON outgoing (state, due, id);
"""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook on its way. ``state``: due, done, lost (never sent, on purpose), given_up (retries used up)."""

    id: int
    subscription: str
    topic: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    due: float
    tries: int
    state: str
    status: int


class WebhookQueue:
    """Sends what was enqueued, oldest first, up to 32 at a time; retries carry the same bytes and headers.

    ``retry_gaps`` are the vendor's waits in seconds on the stand-in's clock, shortened by ``compress``.
    ``gave_up(subscription)`` is called when the last retry failed; a vendor may delete the subscription then.
    """

    def __init__(
        self,
        env: Environment,
        *,
        retry_gaps: Sequence[float],
        compress: float = 1.0,
        timeout: float = 5.0,
        gave_up: Callable[[str], None] | None = None,
    ) -> None:
        self._env = env
        self._gaps = [gap / compress for gap in retry_gaps]
        self._timeout = timeout
        self._gave_up = gave_up
        env.store.schema(_SCHEMA)

    def enqueue(
        self,
        subscription: str,
        topic: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        manner: Manner = "normal",
        delay: float = 0.0,
    ) -> None:
        """Queues one signed delivery inside the caller's transaction, so that it exists exactly if the event does.

        ``manner``: twice; stale (normal, and the same bytes again after ``delay``); late (only after ``delay``); lost.
        Faults that are switched on for ``"WEBHOOK topic"`` come on top.
        """
        now, label, faults = self._env.now(), f"WEBHOOK {topic}", self._env.faults
        dues = {"normal": [0.0], "twice": [0.0, 0.0], "stale": [0.0, delay], "late": [delay], "lost": []}[manner]
        if dues and faults.draw("webhook_lost", label):
            dues = []
        if dues and faults.draw("webhook_twice", label):
            dues = [*dues, dues[-1]]
        if dues and (stale := faults.draw("webhook_stale", label)):
            dues = [*dues, stale.seconds]
        if dues and (late := faults.draw("webhook_out_of_order", label)):
            dues = [due + late.seconds for due in dues]
        for due in dues or [0.0]:
            self._env.store.execute(
                "INSERT INTO outgoing (subscription, topic, url, headers, body, due, state) VALUES (?,?,?,?,?,?,?)",
                subscription, topic, url, msgspec.json.encode(headers), body, now + due, "due" if dues else "lost",
            )  # fmt: skip

    def all(self) -> list[Outgoing]:
        """Everything that was ever enqueued, in that order."""
        return self._select("1 = 1 ORDER BY id")

    def due(self) -> list[Outgoing]:
        """What has to be sent now."""
        return self._select(f"state = 'due' AND due <= {self._env.now()!r} ORDER BY due, id LIMIT 256")

    def counts(self) -> dict[str, int]:
        """How many deliveries stand in each state; ``waiting`` is the part of ``due`` whose time has not come."""
        found = dict(self._env.store.execute("SELECT state, count(*) FROM outgoing GROUP BY state"))
        later = self._env.store.execute("SELECT count(*) FROM outgoing WHERE state='due' AND due > ?", self._env.now())
        return {"due": 0, "done": 0, "lost": 0, "given_up": 0, **found, "waiting": int(later[0][0])}

    def hasten(self) -> None:
        """Makes everything that waits due now: late ones and retries."""
        self._env.store.execute("UPDATE outgoing SET due = min(due, ?) WHERE state = 'due'", self._env.now())

    async def send_due(self, client: httpx2.AsyncClient | None = None) -> int:
        """Sends what is due now, once; returns how many were tried."""
        rows = self.due()
        if not rows:
            return 0
        if client is None:
            async with self._client() as own:
                return await self.send_due(own)
        gate = asyncio.Semaphore(_CONCURRENT)
        statuses = await asyncio.gather(*(self._send(client, gate, row) for row in rows))
        with self._env.store.transaction():
            for row, status in zip(rows, statuses, strict=True):
                self._record(row, status)
        return len(rows)

    async def run(self) -> None:
        """Sends for ever; cancel it to stop."""
        async with self._client() as client:
            while True:
                if not await self.send_due(client):
                    await asyncio.sleep(0.02)

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False)

    async def _send(self, client: httpx2.AsyncClient, gate: asyncio.Semaphore, row: Outgoing) -> int:
        async with gate:
            # No answer at all is status 0: the vendor treats it like any refusal and tries again.
            with suppress(httpx2.HTTPError, httpx2.InvalidURL, OSError):
                answer = await client.post(row.url, content=row.body, headers=dict(row.headers))
                return int(answer.status_code)
            return 0

    def _record(self, row: Outgoing, status: int) -> None:
        tries, due, state = row.tries + 1, row.due, "done"
        if not 200 <= status < 300:
            state = "due" if tries <= len(self._gaps) else "given_up"
            due = self._env.now() + (self._gaps[tries - 1] if state == "due" else 0.0)
        self._env.store.execute(
            "UPDATE outgoing SET tries=?, due=?, state=?, status=? WHERE id=?", tries, due, state, status, row.id
        )
        if state == "given_up" and self._gave_up:
            self._gave_up(row.subscription)

    def _select(self, where: str) -> list[Outgoing]:
        rows = self._env.store.execute(
            f"SELECT id, subscription, topic, url, headers, body, due, tries, state, status FROM outgoing WHERE {where}"
        )
        return [
            Outgoing(id=r[0], subscription=r[1], topic=r[2], url=r[3], headers=msgspec.json.decode(r[4]), body=r[5],
                     due=r[6], tries=r[7], state=r[8], status=r[9])
            for r in rows
        ]  # fmt: skip
