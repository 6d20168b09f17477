"""What is plugged into what: settings, database, credentials, connectors, workers. The only composition root."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leja import flow
from leja.access import connections, metered_reads, organisations
from leja.access.connection_secrets import newest_secrets, put_secret, secrets_named
from leja.access.connections import Connection
from leja.access.grants import JUST_NOW, GrantKeeper
from leja.access.organisations import Organisation
from leja.access.vault import Vault
from leja.bookkeeping.batch import Bookkeeper
from leja.bookkeeping.decoder import Decoder
from leja.bookkeeping.fold import Booked
from leja.bookkeeping.source import Source
from leja.closing import anchor as anchors
from leja.connectors import registry
from leja.connectors.contract import Login, OAuth, Session, Subscribed
from leja.core.clock import Clock, system_clock
from leja.core.errors import NeedsConsent, Refused
from leja.database.embedded import EmbeddedPostgres, default_home
from leja.database.engine import Connection as Conn
from leja.database.engine import Database
from leja.database.migrate import migrate
from leja.database.roles import ensure_roles
from leja.database.watch import State, Watch
from leja.delivery import outbox
from leja.delivery.restored import Witness
from leja.delivery.target import Target
from leja.http.addresses import expanded, parsed, private_hosts
from leja.http.client import Authorise, Http, nobody
from leja.http.login import SessionKeeper
from leja.http.metering import Meter, Reads
from leja.http.oauth import TokenEndpoint, Tokens, by_client, refresh
from leja.http.pacing import Pacing
from leja.intake.committer import GroupCommitter
from leja.intake.doors import DatabaseDoors, DoorDirectory, Ways
from leja.jobs import due, worker
from leja.jobs.schedule import Ran, Step, next_night

BODY_MAX = 5 * 1024 * 1024
POLL_SECONDS = 60
BATCHES_A_RUN = 20  # so that a run of bookkeeping ends soon enough for others and for a stop
DELIVER_SECONDS = 3  # a run lists first what changed over there: what falls due meanwhile goes together
BUSY_SECONDS = 5
PAUSED_SECONDS = 60
CLOSURES_SECONDS = 300
OLD_SECRETS = timedelta(days=4)  # vendors try a webhook again for up to three days
PROOF_DAYS = 14
DatabaseState = State | Literal["elsewhere"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says; see docs/settings.md."""

    home: Path
    database_url: str = ""
    app_url: str = ""
    web_url: str = ""
    postgres_account: str = ""
    private_hosts: frozenset[str] = frozenset()
    body_max: int = BODY_MAX
    poll_seconds: int = POLL_SECONDS
    public_url: str = ""
    metrics_token: str = ""
    decode_process: bool = True

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of a process."""
        return cls(
            home=Path(environment.get("LEJA_HOME") or default_home()),
            database_url=environment.get("LEJA_DATABASE_URL", ""),
            app_url=environment.get("LEJA_DATABASE_APP_URL", ""),
            web_url=environment.get("LEJA_DATABASE_WEB_URL", ""),
            postgres_account=environment.get("LEJA_POSTGRES_ACCOUNT", ""),
            private_hosts=private_hosts(environment) | _sandbox_host(Path(environment.get("LEJA_HOME") or default_home())),
            body_max=_whole_number(environment, "LEJA_DOOR_BODY_MAX", BODY_MAX),
            poll_seconds=_whole_number(environment, "LEJA_POLL_SECONDS", POLL_SECONDS),
            public_url=environment.get("LEJA_PUBLIC_URL", "").rstrip("/"),
            metrics_token=environment.get("LEJA_METRICS_TOKEN", ""),
            decode_process=bool(_whole_number(environment, "LEJA_DECODE_PROCESS", 1)),
        )


def _sandbox_host(home: Path) -> frozenset[str]:
    """The demo's own sandboxes are allowed without being named: they run from this home, on the loopback address."""
    return frozenset(f"127.0.0.1:{port.read_text().strip()}" for port in (home / "sandbox").glob("*/port"))


def _whole_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdigit():
        raise Refused("setting-unreadable", f"{name} is {text!r}, not a whole number")
    return int(text)


class House:
    """An opened Leja: one per process. ``close`` gives everything back."""

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, clock: Clock, embedded: EmbeddedPostgres | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.vault = vault
        self.clock = clock
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"
        self.pace_off = False
        self._embedded = embedded
        self._watch = Watch(embedded) if embedded else None
        if self._watch:
            self._watch.start()
        self._paces: dict[UUID, Pacing] = {}
        self._meters: dict[UUID, Meter] = {}
        self._logins: dict[UUID, SessionKeeper] = {}
        self._bookkeepers: dict[UUID, Bookkeeper] = {}
        self._decoder = Decoder() if settings.decode_process else None

    @classmethod
    def open(cls, settings: Settings, clock: Clock = system_clock) -> House:
        """Start the embedded database if none is named, bring the schema up to date, open the vault."""
        embedded = None
        if settings.database_url:
            urls = ensure_roles(settings.database_url, settings.app_url, settings.web_url)
        else:
            embedded = EmbeddedPostgres(settings.home, account=settings.postgres_account or None)
            urls = embedded.start()
        migrate(urls.owner)
        vault = Vault.open_file(settings.home / "keys" / "vault.key")
        return cls(settings, Database(urls), vault, clock, embedded)

    def close(self) -> None:
        """Close connections; the embedded database stops with its last user."""
        for keeper in self._bookkeepers.values():
            keeper.close()
        if self._decoder is not None:
            self._decoder.close()
        for meter in self._meters.values():
            meter.save()
        self.database.close()
        if self._watch is not None:
            self._watch.stop()
        if self._embedded is not None:
            self._embedded.stop()

    @property
    def database_state(self) -> DatabaseState:
        """How the embedded server stands; "elsewhere" where another is used, which we do not look after."""
        return self._watch.state if self._watch is not None else "elsewhere"

    # --- bookkeeping ---

    def bookkeeper(self, org: Organisation) -> Bookkeeper:
        """The recorder of an organisation's events."""
        if org.org_id not in self._bookkeepers:
            self._bookkeepers[org.org_id] = Bookkeeper(
                self.database, org.org_id, org.base_currency, self.source, self.enqueue, self._decoder
            )
        return self._bookkeepers[org.org_id]

    def source(self, conn: Conn, org_id: UUID, connection_id: UUID) -> Source:
        """A connection as bookkeeping sees it, read afresh."""
        found = connections.by_id(conn, org_id, connection_id)
        return Source(
            connection_id=connection_id,
            start_date=found.start_date,
            context=connections.context(conn, org_id, found),
            decode=registry.verb(found.slug, "decode"),
            can_fetch="fetch" in registry.capabilities(found.slug),
        )

    def enqueue(self, conn: Conn, org_id: UUID, booked: Sequence[Booked], now: datetime) -> None:
        """Put entries that were just written before every target that is told of them."""
        bookings = [outbox.Booking(*entry) for entry in booked]  # type: ignore[arg-type]
        outbox.enqueue(conn, org_id, bookings, outbox.told(conn, org_id), outbox.places(conn, org_id), now)

    # --- calls to vendors ---

    def session(self, found: Connection) -> Session:
        """What an I/O verb of this connection is handed. Close its ``http`` when done."""
        connector, now = found.connector, self.clock()
        with self.database.transaction() as conn:
            hidden = newest_secrets(conn, found.org_id, self.vault, found.connection_id, now)
            context = connections.context(conn, found.org_id, found)
        base = connections.base_url(connector, found.settings)
        pace = self._paces.setdefault(found.connection_id, Pacing(None if self.pace_off else connector.limits, now=self.clock))
        hosts = expanded(connector.hosts, found.settings)
        http = Http(
            base_url=base, hosts=hosts, authorise=self._credentials(found, base, hosts, hidden), pacing=pace,
            private_hosts=self.settings.private_hosts, now=self.clock, meter=self._meter(found), trust=_trust(found),
        )
        return Session(http=http, settings=connections.session_settings(found, hidden), base_url=base, tenant=found.tenant, now=self.clock, context=context)

    def _meter(self, found: Connection) -> Meter | None:
        """Counts the reads of a connection whose vendor gives so many a month."""
        allowance = found.connector.limits.reads_per_month
        if not allowance:
            return None

        def save(counted: int) -> Reads:
            with self.database.transaction() as conn:
                return metered_reads.add(
                    conn, found.org_id, found.connection_id, found.name, allowance, counted, self.clock()
                )

        return self._meters.setdefault(found.connection_id, Meter(save, now=self.clock))

    def _stretch(self, connection_id: UUID) -> int:
        """How many times slower to ask a target, so that the month's reads last."""
        meter = self._meters.get(connection_id)
        return meter.reads.stretch if meter is not None and meter.reads is not None else 1

    def target(self, found: Connection) -> Target:
        """An accounting connection as delivery is handed it."""
        return Target(
            org_id=found.org_id, connection_id=found.connection_id, name=found.name, verbs=registry.side(found.slug, "target"),
            session=self.session(found), limits=found.connector.limits, witness=Witness(self.settings.home / "witness"),
        )

    def token_endpoint(self, found: Connection, hidden: Mapping[str, str]) -> TokenEndpoint:
        """Where an OAuth connection's tokens come from; a connection with an address of its own asks there."""
        auth = found.connector.auth
        assert isinstance(auth, OAuth)
        url = auth.token_url.format(**found.settings)
        if found.settings.get("base_url"):
            url = str(found.settings["base_url"]).rstrip("/") + urlsplit(url).path
        return TokenEndpoint(url=url, client_id=str(found.settings.get("client_id", "")),
                             client_secret=hidden.get("client_secret", ""), basic=auth.basic_client_auth)

    def _credentials(self, found: Connection, base: str, hosts: tuple[str, ...], hidden: Mapping[str, str]) -> Authorise:
        auth = found.connector.auth
        if isinstance(auth, Login):
            return self._session_keeper(found, auth, base, hosts, hidden)
        if not isinstance(auth, OAuth):
            return nobody
        if "access_token" in hidden:
            return _Fixed(auth.token_header, auth.token_prefix + hidden["access_token"])
        endpoint = self.token_endpoint(found, hidden)
        asking = Http(base_url=base, hosts=(*hosts, parsed(endpoint.url).host), private_hosts=self.settings.private_hosts, now=self.clock)

        async def renew(tokens: Tokens) -> Tokens:
            if auth.grant == "client_credentials":
                return await by_client(asking, endpoint, scopes=auth.scopes, now=self.clock())
            return await refresh(asking, endpoint, tokens, self.clock())

        return GrantKeeper(
            database=self.database, vault=self.vault, org_id=found.org_id, connection_id=found.connection_id, refresher=renew,
            now=self.clock, holder=self.holder, header=auth.token_header, prefix=auth.token_prefix,
            # Asking for the app's own token again voids no other.
            fresh=timedelta(0) if auth.grant == "client_credentials" else JUST_NOW,
        ).authorise

    def _session_keeper(
        self, found: Connection, auth: Login, base: str, hosts: tuple[str, ...], hidden: Mapping[str, str]
    ) -> Authorise:
        """Everybody who calls for a connection in this process shares its session."""
        typed, trust = found.typed_settings(), _trust(found)
        secrets = {name: hidden[name] for name in auth.secrets if name in hidden}

        async def log_in() -> Mapping[str, str]:
            asking = Http(base_url=base, hosts=hosts, private_hosts=self.settings.private_hosts, now=self.clock, trust=trust)
            try:
                headers: Mapping[str, str] = await registry.side(found.slug, "login").log_in(asking, typed, secrets)
            finally:
                await asking.close()
            return headers

        keeper = self._logins.setdefault(found.connection_id, SessionKeeper())
        return keeper.of(log_in, (base, repr(typed), tuple(sorted(secrets.items()))))

    # --- work ---

    def work(self) -> None:
        """Be a worker until SIGTERM or SIGINT; any number of them share the work, on any number of machines."""
        worker.run(self.database, self.steps(), holder=self.holder, clock=self.clock)

    def steps(self) -> tuple[Step, ...]:
        """What the worker does, each safe to run twice. It is handed these and knows none of them."""
        able = {slug: registry.capabilities(slug) for slug in registry.connectors()}

        def those(*verbs: str) -> frozenset[str]:
            return frozenset(slug for slug, verbs_there in able.items() if verbs_there.issuperset(verbs))

        steps = [
            Step(name=due.RECORD, run=self._record),
            Step(name=due.FETCH, run=self._fetch, slugs=those("fetch")),
            Step(name=due.DELIVER, run=self._deliver, slugs=those("deliver")),
            Step(name="poll", run=self._poll, slugs=those("poll"), when="time"),
            Step(name="proof", run=self._prove, slugs=those("ids"), when="time"),
            Step(name="read-back", run=self._read_back, slugs=those("deliver", "read_back"), when="time"),
            Step(name="closures", run=self._close_days, when="time"),
            Step(name="anchor", run=self._anchor, when="time"),
        ]
        if self.settings.public_url:
            steps.append(Step(name="subscriptions", run=self._subscribe, slugs=those("subscribe"), when="time"))
        return tuple(steps)

    async def _record(self, org_id: UUID, _: str) -> Ran:
        org = await asyncio.to_thread(self._organisation, org_id)
        done = await asyncio.to_thread(
            flow.record, self.bookkeeper(org), self.clock, batches_max=BATCHES_A_RUN)
        return Ran(fruitful=bool(done.events))

    async def _fetch(self, org_id: UUID, subject: str) -> Ran:
        async with self._connected(org_id, subject) as (found, session):
            taken = await flow.complete(self.database, org_id, found.connection_id, _verbs(found), session, self.clock)
        return Ran(fruitful=bool(taken.answered))

    async def _poll(self, org_id: UUID, subject: str) -> Ran:
        begun = self.clock()
        async with self._connected(org_id, subject) as (found, session):
            taken = await flow.take_in(
                self.database, org_id, found.connection_id, _verbs(found), session, self.clock,
                interval=timedelta(seconds=self.settings.poll_seconds),
                webhooks_expected=bool(self.settings.public_url) and ways(found.slug) is not None,
            )
        return Ran(fruitful=bool(taken.pages), not_before=begun + timedelta(seconds=self.settings.poll_seconds))

    async def _deliver(self, org_id: UUID, subject: str) -> Ran:
        async with self.targeted(org_id, UUID(subject)) as target:
            done = await flow.deliver(self.database, target, self.holder, self.clock)
        if done is None:
            return Ran(fruitful=False, not_before=self.clock() + timedelta(seconds=BUSY_SECONDS))
        wait = PAUSED_SECONDS if done.paused else DELIVER_SECONDS * self._stretch(target.connection_id) ** 2
        return Ran(fruitful=bool(done.accepted or done.adopted), not_before=self.clock() + timedelta(seconds=wait))

    async def _prove(self, org_id: UUID, subject: str) -> Ran:
        since = self.clock() - timedelta(days=PROOF_DAYS)
        async with self._connected(org_id, subject) as (found, session):
            await flow.prove(self.database, org_id, found.connection_id, _verbs(found), session, since, self.clock)
        return await self._tonight(org_id, found.connection_id)

    async def _read_back(self, org_id: UUID, subject: str) -> Ran:
        start = (await asyncio.to_thread(self._connection, org_id, UUID(subject))).start_date
        async with self.targeted(org_id, UUID(subject)) as target:
            await flow.read_all_back(self.database, target, start, self.clock)
        return await self._tonight(org_id, target.connection_id, nights=self._stretch(target.connection_id))

    async def _close_days(self, org_id: UUID, _: str) -> Ran:
        await asyncio.to_thread(flow.close_days, self.database, org_id, self.clock)
        return Ran(not_before=self.clock() + timedelta(seconds=CLOSURES_SECONDS))

    async def _anchor(self, org_id: UUID, _: str) -> Ran:
        await asyncio.to_thread(self.anchor, org_id)
        return await self._tonight(org_id, org_id)

    async def _subscribe(self, org_id: UUID, subject: str) -> Ran:
        async with (
            self._connected(org_id, subject) as (found, session),
            flow.asking(self.database, org_id, found.connection_id, "subscriptions", self.clock),
        ):
            await self.subscribed(found, session, f"{self.settings.public_url}/hooks/{found.door}")
        return await self._tonight(org_id, found.connection_id)

    async def subscribed(self, found: Connection, session: Session, callback_url: str) -> Subscribed:
        """Ask the vendor for webhooks, and keep the secrets that it shows only now; older ones hold while retries may come."""
        made: Subscribed = await registry.verb(found.slug, "subscribe")(session, callback_url)
        if made.secrets:
            await asyncio.to_thread(self._keep_secrets, found, made.secrets)
        return made

    def _keep_secrets(self, found: Connection, shown: Mapping[str, str]) -> None:
        now = self.clock()
        with self.database.transaction() as conn:
            for name, value in shown.items():
                put_secret(conn, found.org_id, self.vault, found.connection_id, name, value, now, old_retires_at=now + OLD_SECRETS)

    def anchor(self, org_id: UUID) -> Path | None:
        """Sign the head of an organisation's chain; gives the file that the anchor was added to, None if nothing is booked."""
        with self.database.transaction() as conn:
            try:
                made = anchors.anchor(conn, org_id, self.signing_key(), self.clock())
            except Refused as error:
                if error.code != "nothing-to-anchor":
                    raise
                return None
        kept = self.settings.home / "anchors" / f"{org_id}.jsonl"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab") as file:
            file.write(made.line())
        return kept

    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs anchors; it lies outside the database."""
        return anchors.signing_key(self.settings.home / "keys" / "anchor.key")

    async def _tonight(self, org_id: UUID, spread: UUID, *, nights: int = 1) -> Ran:
        org = await asyncio.to_thread(self._organisation, org_id)
        return Ran(not_before=next_night(self.clock() + timedelta(days=nights - 1), org.zone, spread))

    def _organisation(self, org_id: UUID) -> Organisation:
        with self.database.transaction() as conn:
            return organisations.by_id(conn, org_id)

    def _connection(self, org_id: UUID, connection_id: UUID) -> Connection:
        with self.database.transaction() as conn:
            return connections.by_id(conn, org_id, connection_id)

    @asynccontextmanager
    async def targeted(self, org_id: UUID, connection_id: UUID) -> AsyncIterator[Target]:
        """An accounting connection to be told, closed afterwards."""
        found = await asyncio.to_thread(self._connection, org_id, connection_id)
        target = await asyncio.to_thread(self.target, found)
        try:
            yield target
        finally:
            await target.session.http.close()

    async def decide(
        self, step: Callable[..., Awaitable[flow.Decided]], org_id: UUID, connection_id: UUID, *what: object, only_show: bool = False
    ) -> flow.Decided:
        """Do a step of the flow in which a person decides something about a target, or show what that would do."""
        async with self.targeted(org_id, connection_id) as target:
            return await step(self.database, target, self.holder, self.clock, *what, only_show=only_show)

    async def with_targets(self, org_id: UUID, act: Callable[[Sequence[Target]], flow.Reversed]) -> flow.Reversed:
        """Do something for which all targets of an organisation must be at hand; their connectors alone are asked."""
        with self.database.transaction() as conn:
            every = connections.connections(conn, org_id, duty="accounting")
        async with AsyncExitStack() as stack:
            targets = [await stack.enter_async_context(self.targeted(org_id, one.connection_id)) for one in every]
            return await asyncio.to_thread(act, targets)

    @asynccontextmanager
    async def _connected(self, org_id: UUID, subject: str) -> AsyncIterator[tuple[Connection, Session]]:
        """A connection and a session with it, closed afterwards."""
        found = await asyncio.to_thread(self._connection, org_id, UUID(subject))
        session = await asyncio.to_thread(self.session, found)
        try:
            yield found, session
        finally:
            await session.http.close()

    # --- the webhook door ---

    def doors(self) -> DoorDirectory:
        """Which connection stands behind a webhook address."""
        doors = DatabaseDoors(self.database, ways, self._door_secrets)
        return DoorDirectory(doors, self.clock, tenants=doors.of_tenant)

    def committer(self) -> GroupCommitter:
        """Writes what the door takes in, many requests in one commit."""
        return GroupCommitter(self.database, self.clock)

    def _door_secrets(self, org_id: UUID, connection_id: UUID, name: str) -> Sequence[str]:
        with self.database.transaction() as conn:
            return secrets_named(conn, org_id, self.vault, connection_id, name, self.clock())


def _trust(found: Connection) -> str:
    """Certificates (PEM) that the user's own system is signed with, where the connection states any."""
    return str(found.settings.get("ca_certificates") or "")


class _Fixed:
    """A token that was pasted and is never renewed; a 401 means that it was taken back."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    async def __call__(self, headers: dict[str, str], *, rejected: bool) -> None:
        """Puts the token on a call."""
        if rejected:
            raise NeedsConsent("token-refused", "the vendor no longer accepts the access token that was pasted")
        headers[self._header] = self._value


def _verbs(found: Connection) -> dict[str, object]:
    """The verbs of taking in that a connection's platform has."""
    return registry.taking_in(found.slug)


def ways(slug: str) -> Ways | None:
    """How a platform's webhooks are taken, or None where it has none."""
    able = registry.capabilities(slug)
    if not able & {"webhooks", "nudges"}:
        return None
    return Ways(**{name: registry.verb(slug, name) for name in ("webhooks", "nudges", "handshake") if name in able})
