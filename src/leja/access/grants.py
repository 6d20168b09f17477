"""Grants: the OAuth tokens of a connection, and how they are renewed by one process at a time.

A vendor that rotates refresh tokens voids the old one when it gives the new one. A refresh is therefore recorded as
begun before the call, and what it brought is saved before it is used. If a process dies, or an answer is lost, in
between, the old token is tried once more: either the vendor still takes it, or it refuses, and then the owner is asked
to consent, with what happened as the reason. A refusal is final; an outage is not.

    await store(...)                                  # after the code was exchanged
    keeper = GrantKeeper(database=..., vault=..., org_id=..., connection_id=..., refresher=..., now=..., holder=...)
    http = Http(..., authorise=keeper.authorise)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from leja.access.vault import Vault, place
from leja.core.clock import Clock
from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.http.oauth import Tokens

Refresher = Callable[[Tokens], Awaitable[Tokens]]

EARLY: Final = timedelta(seconds=120)
PATIENCE: Final = timedelta(seconds=60)
JUST_NOW: Final = timedelta(seconds=30)


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as it is stored, opened."""

    generation: int
    tokens: Tokens
    refresh_begun_at: datetime | None
    refresh_by: str
    state: str
    because: str


def store(
    conn: Connection, org_id: UUID, vault: Vault, connection_id: UUID, tokens: Tokens
) -> int:
    """Stores the tokens of a fresh consent; whatever was wrong before is over. Gives the generation."""
    row = conn.execute(
        "INSERT INTO token_grant (org_id, connection_id, generation, ciphertext, expires_at) VALUES (%s, %s, 1, %s, %s)"
        " ON CONFLICT (org_id, connection_id) DO UPDATE SET generation = token_grant.generation + 1,"
        " ciphertext = excluded.ciphertext, expires_at = excluded.expires_at, refresh_begun_at = NULL, refresh_by = '',"
        " state = 'good', because = '' RETURNING generation",
        (org_id, connection_id, _sealed(vault, org_id, connection_id, tokens), tokens.expires_at),
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


def load(conn: Connection, org_id: UUID, vault: Vault, connection_id: UUID, *, lock: bool = False) -> Grant:
    """The grant of a connection. Raises NeedsConsent ``grant-missing``."""
    row = conn.execute(
        "SELECT generation, ciphertext, refresh_begun_at, refresh_by, state, because FROM token_grant"
        f" WHERE org_id = %s AND connection_id = %s{' FOR UPDATE' if lock else ''}",
        (org_id, connection_id),
    ).fetchone()
    if row is None:
        raise NeedsConsent("grant-missing", "this connection has not been connected yet")
    generation, sealed, begun_at, refresh_by, state, because = row
    assert isinstance(sealed, (bytes, memoryview))
    assert begun_at is None or isinstance(begun_at, datetime)
    plain = vault.open(bytes(sealed), place("grant", org_id, connection_id))
    return Grant(
        generation=int(str(generation)), tokens=msgspec.json.decode(plain, type=Tokens), refresh_begun_at=begun_at,
        refresh_by=str(refresh_by), state=str(state), because=str(because),
    )


def _sealed(vault: Vault, org_id: UUID, connection_id: UUID, tokens: Tokens) -> bytes:
    return vault.seal(msgspec.json.encode(tokens), place("grant", org_id, connection_id))


class GrantKeeper:
    """Hands out a token that holds, and renews it when it does not. Safe for many tasks, threads and processes.

    ``fresh``: for how long a token is not renewed after a 401, because another call has just renewed it.
    """

    def __init__(
        self, *, database: Database, vault: Vault, org_id: UUID, connection_id: UUID, refresher: Refresher, now: Clock,
        holder: str, header: str = "authorization", prefix: str = "Bearer ", fresh: timedelta = JUST_NOW,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database, self._vault = database, vault
        self._org_id, self._connection_id = org_id, connection_id
        self._refresher, self._now, self._holder = refresher, now, holder
        self._header, self._prefix, self._fresh, self._sleep = header, prefix, fresh, sleep

    async def authorise(self, headers: dict[str, str], *, rejected: bool) -> None:
        """The hook of ``Http``. After a 401 the token is renewed, unless that has just been done."""
        grant = await asyncio.to_thread(self._load)
        if self._must_renew(grant, rejected):
            grant = await self.renewed(grant.generation)
        headers[self._header] = f"{self._prefix}{grant.tokens.access}"

    def _must_renew(self, grant: Grant, rejected: bool) -> bool:
        now = self._now()
        _require_good(grant)
        if rejected and now - grant.tokens.obtained_at >= self._fresh:
            return True
        return grant.tokens.expires_at is not None and now >= grant.tokens.expires_at - EARLY

    async def renewed(self, seen: int) -> Grant:
        """The grant after generation ``seen``: renewed by us, or by another while we wait."""
        while True:
            begun = await asyncio.to_thread(self._begin, seen)
            if begun is None:
                await self._sleep(0.2)
                continue
            mine, grant = begun
            return await self._refreshed(grant) if mine else grant

    def _load(self) -> Grant:
        with self._database.transaction() as conn:
            return load(conn, self._org_id, self._vault, self._connection_id)

    def _begin(self, seen: int) -> tuple[bool, Grant] | None:
        """Records our refresh as begun. Nothing while another's is under way; not ours if another has renewed."""
        now = self._now()
        with self._database.transaction() as conn:
            grant = load(conn, self._org_id, self._vault, self._connection_id, lock=True)
            _require_good(grant)
            if grant.generation != seen:
                return False, grant
            because = grant.because
            if grant.refresh_begun_at is not None:
                if grant.refresh_by and now - grant.refresh_begun_at < PATIENCE:
                    return None
                # Kept until a clear answer, so that a refusal can say what most likely voided the token.
                because = because or f"a refresh begun at {grant.refresh_begun_at.isoformat()} was never saved"
            conn.execute(
                "UPDATE token_grant SET refresh_begun_at = %s, refresh_by = %s, because = %s"
                " WHERE org_id = %s AND connection_id = %s",
                (now, self._holder, because, self._org_id, self._connection_id),
            )
            failpoint("grants.before-begun-commit")
            return True, msgspec.structs.replace(grant, refresh_begun_at=now, refresh_by=self._holder, because=because)

    async def _refreshed(self, grant: Grant) -> Grant:
        try:
            failpoint("grants.before-refresh")
            tokens = await self._refresher(grant.tokens)
            failpoint("grants.after-refresh")
        except Transient:
            await asyncio.to_thread(self._end, grant, begun=False)
            raise
        except OutcomeUnknown as error:
            await asyncio.to_thread(self._end, grant, begun=True)
            raise Transient(
                "grant-refresh-unclear", f"the vendor gave no clear answer to a refresh: {error.message}",
                retry_after=5.0,
            ) from error
        except NeedsConsent as error:
            lost = f"{grant.because}, and the old refresh token is refused: " if grant.because else ""
            why = f"{lost}{error.message}"
            raise await asyncio.to_thread(self._lost, grant, why) from error
        except Refused:
            await asyncio.to_thread(self._end, grant, begun=False)
            raise
        return await self._saved(grant, tokens)

    async def _saved(self, grant: Grant, tokens: Tokens) -> Grant:
        """Saving is tried again while the database is away: the old token is void, the new one exists only here."""
        for pause in (0.5, 1.0, 2.0, 4.0):
            try:
                return await asyncio.to_thread(self._save, grant, tokens)
            except Transient:
                await self._sleep(pause)
        return await asyncio.to_thread(self._save, grant, tokens)

    def _end(self, grant: Grant, *, begun: bool) -> None:
        """Our refresh is over without tokens. ``begun``: it may have had an effect; the next may try at once."""
        with self._database.transaction() as conn:
            conn.execute(
                "UPDATE token_grant SET refresh_by = '', refresh_begun_at = CASE WHEN %s THEN refresh_begun_at END"
                " WHERE org_id = %s AND connection_id = %s AND generation = %s AND refresh_by = %s",
                (begun or bool(grant.because), self._org_id, self._connection_id, grant.generation, self._holder),
            )

    def _lost(self, grant: Grant, why: str) -> NeedsConsent | Transient:
        """Marks that only consent helps, unless another process has renewed the grant in the meantime."""
        with self._database.transaction() as conn:
            marked = conn.execute(
                "UPDATE token_grant SET state = 'needs_consent', because = %s, refresh_by = '', refresh_begun_at = NULL"
                " WHERE org_id = %s AND connection_id = %s AND generation = %s",
                (why, self._org_id, self._connection_id, grant.generation),
            )
            if marked.rowcount == 0:
                return Transient("grant-renewed-elsewhere", "another process renewed the grant", retry_after=0.0)
        return NeedsConsent("grant-needs-consent", f"the vendor must be connected again: {why}")

    def _save(self, grant: Grant, tokens: Tokens) -> Grant:
        """Saves what the refresh brought, before anybody uses it. The newest tokens win, whoever was slow."""
        sealed = _sealed(self._vault, self._org_id, self._connection_id, tokens)
        with self._database.transaction() as conn:
            conn.execute(
                "UPDATE token_grant SET generation = generation + 1, ciphertext = %s, expires_at = %s, state = 'good',"
                " because = '', refresh_begun_at = NULL, refresh_by = ''"
                " WHERE org_id = %s AND connection_id = %s AND generation = %s",
                (sealed, tokens.expires_at, self._org_id, self._connection_id, grant.generation),
            )
            failpoint("grants.before-save-commit")
            return load(conn, self._org_id, self._vault, self._connection_id)


def _require_good(grant: Grant) -> None:
    if grant.state != "good":
        raise NeedsConsent("grant-needs-consent", f"the vendor must be connected again: {grant.because}")
