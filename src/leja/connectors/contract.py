"""The connector contract: types only.

A connector is one folder. ``__init__.py`` holds ``CONNECTOR``, the declaration, cheap to import. A capability is a
function (or object) of the agreed name in ``source.py`` or ``target.py``; what is not there is not claimed.

``source.py`` (sales systems and processors)
  webhooks   a ``Webhooks`` object: verify and read, pure; it cannot be declared without verify
  nudges     a ``Nudges`` object, for unsigned or token-only callers: yields wanted ids, never a document; pure
  handshake  (headers, body, secrets) -> HandshakeAnswer | None: pings, challenges, intent to receive; pure. Its headers
             hold the address's query besides, as ``leja-query``
  subscribe  async (Session, callback_url) -> Subscribed: registers, finds dead, repairs; idempotent
  poll       async (Session, cursor | None) -> Page: everything that changed since the cursor
  plan       async (Session, since, until) -> BackfillPlan
  backfill   async (Session, since, until, cursor | None) -> Page
  fetch      async (Session, Sequence[Wanted]) -> tuple[RawEvent, ...]: completes thin events. Intake asks
             for one thing at a time and names it as the answers' parent; no answer means: not there
  read_file  (Iterable[bytes] chunks, file_name, settings) -> Iterator[RawEvent]: file sources; streamed; pure
             (an event without a key is a row that cannot be read: it bears ``leja-row`` and ``leja-unreadable``)
  detect     (sample of whole lines, settings) -> FileShape: encoding, delimiter, date format, columns found; pure. The
             settings of a file source have the fields of FileShape, so that what was detected can be stated to read_file
  decode     (RawEvent, Context) -> Decoded; pure, total over what the vendor may send
  ids        async (Session, since, until) -> tuple[SourceId, ...]: what exists there, for the completeness proof; how far back
             it reaches, the declaration says (``ids_reach``)
  LISTS      frozenset of the document kinds that ``ids`` lists, even when there are none of them; not there: sales alone
  day_totals async (Session, since, until) -> tuple[DayTotal, ...]: the source's own totals

``target.py`` (accounting systems)
  chart      async (Session) -> Chart
  steps      (Bundle, Chart) -> tuple[Step, ...]: which documents express the bundle, in order; pure; used by preview.
             Steps without lines make records that documents refer to; one of the same kind and reference is made once.
             Raises NeedsReview where nothing expresses it; with the fact ``in_base=True`` where base currency would
  draft      (Step, Chart, accepted: Mapping[str, RemoteDocument]) -> Draft: exact request bytes; pure. ``accepted`` holds
             the remote documents of earlier steps of the same bundle by step name, and those it applies to by reference
  ANCHORS    Mapping[step kind, Anchor]
  TOGETHER   frozenset of step kinds: those of one kind go out many in one call, all others one by one. Not there: any
             drafts go out together, ``limits.batch`` at most
  deliver    async (Session, Sequence[Draft]) -> tuple[Outcome, ...]: one per draft, in order; never raises for one draft
  find       async (Session, Sequence[Draft]) -> tuple[Finding, ...]: by anchor, checked against amount, date and our mark
  read_back  async (Session, Sequence[RemoteDocument]) -> tuple[RemoteState, ...]
  changed    async (Session, cursor | None) -> ChangedPage: drift, foreign entries, documents that bear our mark
  balances   async (Session, since, until) -> tuple[RemoteBalance, ...]: per account and day, of all documents
  dated      async (Session, since, until) -> tuple[RemoteState, ...]: all documents dated in the window, ours and others',
             in as few calls as the vendor allows. Not there: what people typed in before is known from ``changed`` alone

``login.py`` (platforms whose declaration says ``Login``)
  log_in     async (Http, settings, secrets) -> Mapping[str, str]: opens a session; the headers that carry it

``stand_in.py`` holds ``STAND_IN``, a ``leja_sandbox.kit.StandInSpec``; it imports only ``leja_sandbox.kit`` and ``core``.
Nothing else of a folder imports it. The rest of a folder imports ``connectors.contract``,
``connectors.bundle_lines``, ``connectors.outcomes``, ``http``, ``documents``, ``core``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from leja.connectors.declaration import Connector as Connector
from leja.connectors.declaration import Key as Key
from leja.connectors.declaration import Limits as Limits
from leja.connectors.declaration import Login as Login
from leja.connectors.declaration import NoAuth as NoAuth
from leja.connectors.declaration import OAuth as OAuth
from leja.connectors.declaration import Role as Role
from leja.connectors.proofs import BackfillPlan as BackfillPlan
from leja.connectors.proofs import DayTotal as DayTotal
from leja.connectors.proofs import FileShape as FileShape
from leja.connectors.proofs import Gone as Gone
from leja.connectors.proofs import SourceId as SourceId
from leja.core.money import Money
from leja.documents.document import Document
from leja.documents.parts import Party

if TYPE_CHECKING:
    from leja.http.client import Http

Day = date
Origin = Literal["webhook", "poll", "backfill", "file", "fetch"]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What an I/O verb is handed: the client with credentials and pace, the connection's settings, the time.

    Where the log-in is a ``Key``, ``settings`` hold its secrets too.
    """

    http: Http
    settings: Any
    base_url: str
    tenant: str
    now: Callable[[], datetime]
    context: Context


# --- sources ---------------------------------------------------------------------------------------------------------


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place of sale: its zone, and how many minutes after midnight its business day ends."""

    external_id: str
    zone: str
    day_end_minutes: int = 0
    name: str = ""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """All that decoding may know: the connection's settings, duty and places, the organisation's default zone.

    A processor with the duty "payments" settles sales that other connections record: it decodes no sale, and its payments
    are ``seen_elsewhere``.
    """

    settings: Any
    zone: str
    day_end_minutes: int = 0
    locations: Mapping[str, Location] = {}
    base_currency: str = ""
    duty: str = "sales"


COST_LIST_TOPIC = "cost-list"
"""Topic of a file event whose body is ``{"sku", "cost", "effective_from"}``: intake writes it to the standing costs."""

GONE_TOPIC = "proof/gone"
"""Topic of an event that intake makes when the proof finds that a thing is gone at its source; body is a ``Gone``."""


class RawEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as received. ``key`` identifies the event on its connection and is never a hash of the body.

    ``headers`` are already free of secrets, with lower-case names.
    """

    key: str
    topic: str
    body: bytes
    headers: Mapping[str, str] = {}
    origin: Origin = "webhook"
    parent: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that must be fetched before it can be decided on."""

    kind: str
    external_id: str


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What an event means. Exactly one of documents, wanted or ``ignored`` is usually filled.

    ``ignored`` is the reason why nothing follows. ``unread`` are fields that were neither mapped nor listed as ignored;
    ``ties`` says whether lines, taxes and tenders add up to the document's own total without them.
    """

    documents: tuple[Document, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    ignored: str = ""
    unread: tuple[str, ...] = ()
    ties: bool = True


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events and the cursor that is saved with them in one transaction; ``more``: call again at once."""

    events: tuple[RawEvent, ...]
    cursor: str
    more: bool = False


class ReadEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a verified webhook gives: key and topic, nothing more. ``account`` names the tenant it is for."""

    key: str
    topic: str
    account: str = ""
    body: bytes = b""


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """A signed webhook.

    ``verify(headers, body, secrets, now)`` raises Refused; headers have lower-case names; every secret in ``secrets`` is
    valid (rotation). ``read(headers, body)`` gives one or more events. ``refusal_status`` is the answer that a refusal
    must get at this vendor. ``secret_setting`` names the secret it verifies with. ``one_tenant`` is False where one
    delivery may mix several merchants.

    Where the sender is to be told more than "kept": ``objection(headers, body)`` looks at a verified body, pure, and gives
    the answer to what breaks the sender's own contract, or None; ``conflict`` is the answer where an event says something
    else than one that was kept under its key. Both are sent after the events are kept: an answer loses nothing.
    """

    verify: Callable[[Mapping[str, str], bytes, Sequence[str], datetime], None]
    read: Callable[[Mapping[str, str], bytes], tuple[ReadEvent, ...]]
    secret_setting: str
    refusal_status: int = 401
    one_tenant: bool = True
    objection: Callable[[Mapping[str, str], bytes], HandshakeAnswer | None] | None = None
    conflict: HandshakeAnswer | None = None


class Nudges(msgspec.Struct, frozen=True, kw_only=True):
    """An unsigned or weakly authenticated call: it stores nothing and makes things wanted.

    ``admit(headers, body, secrets, now)`` raises Refused; ``read(headers, body)`` names what may have changed.
    """

    admit: Callable[[Mapping[str, str], bytes, Sequence[str], datetime], None]
    read: Callable[[Mapping[str, str], bytes], tuple[Wanted, ...]]
    secret_setting: str = ""
    refusal_status: int = 401


class HandshakeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that a vendor wants in words of its own: to a ping or a challenge, of which nothing is stored, or by
    ``Webhooks.objection`` and ``conflict``, after the events are kept."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """What subscribing found and did: topics alive, made now, repaired.

    ``secrets`` are those that the vendor made for it and shows only now, by the name of their setting; they are kept.
    """

    alive: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    secrets: Mapping[str, str] = {}


# --- targets ---------------------------------------------------------------------------------------------------------


class RemoteAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the target. ``kind`` is in our words: bank, current_asset, receivable, fixed_asset, payable,
    current_liability, tax, equity, income, cost_of_sales, expense, other."""

    id: str
    code: str
    name: str
    kind: str
    currency: str = ""
    active: bool = True
    takes_payments: bool = False
    system: str = ""


class RemoteTaxCode(msgspec.Struct, frozen=True, kw_only=True):
    """A tax code of the target and the percentage it applies to sales; ``account`` is where its tax lands."""

    id: str
    name: str
    rate: Decimal
    account: str = ""
    active: bool = True


class RemoteItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the target and the account its sales land on."""

    id: str
    name: str
    income_account: str
    active: bool = True


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What the target has, read before anything is sent. ``locked_until``: nothing may be dated on or before it."""

    accounts: tuple[RemoteAccount, ...]
    tax_codes: tuple[RemoteTaxCode, ...] = ()
    items: tuple[RemoteItem, ...] = ()
    home_currency: str = ""
    multicurrency: bool = False
    locked_until: date | None = None
    own_numbers: bool = True
    edition: str = ""
    posts_cost: bool = False
    posts_exchange: bool = True
    posts_year_end: bool = True


BundleKind = Literal["sale", "invoice", "refund", "credit_note", "payment", "payout", "fee", "daily", "journal", "delta"]


class BundleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved line of a bundle. ``amount`` is debit positive, in the bundle's currency.

    ``account`` is the remote account id, already resolved; ``account_kind`` as in ``RemoteAccount``. ``tax_code`` is the
    remote tax code id (empty: outside the scope) and stands on the revenue lines that were taxed with it, whose tax was
    ``tax`` (same sign as ``amount``). Tax lines themselves have ``role`` starting with ``output_tax``: a target that
    derives tax from codes sends the codes and drops the tax lines, for a tax line's sum is that of ``tax``.
    """

    account: str
    account_kind: str
    role: str
    amount: Money
    description: str = ""
    tax_code: str = ""
    tax: Money | None = None
    dimensions: Mapping[str, str] = {}


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """What must be told to a target as one thing: the net of a frozen set of journal entries, all resolved.

    ``lines`` sum to zero. ``reference`` is ours, unique per target, at most 17 characters of A-Z, 0-9 and hyphen; a
    connector may append a hyphen and up to 3 characters per step. ``number`` and ``text`` are for people. ``applies_to`` are
    references of earlier remote documents that this one settles (an invoice being paid, a sale being refunded).
    """

    reference: str
    kind: BundleKind
    date: Day
    currency: str
    lines: tuple[BundleLine, ...]
    rate: Decimal = Decimal(1)
    number: str = ""
    text: str = ""
    due: Day | None = None
    customer: Party | None = None
    applies_to: tuple[str, ...] = ()
    rounding_account: str = ""
    rounding_limit: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One remote document of a bundle. ``name`` is unique inside it ("document", "payment-1", "customer")."""

    name: str
    kind: str
    reference: str
    bundle: Bundle
    lines: tuple[BundleLine, ...] = ()
    after: tuple[str, ...] = ()
    detail: Mapping[str, str] = {}


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Where our reference lives in a kind of remote document.

    ``unique``: the vendor itself refuses a second one. ``key_remembered`` and ``look_up_lag`` in seconds (0: at once / no key).
    """

    field: str
    unique: bool
    length: int
    look_up: str
    look_up_lag: int = 0
    key_remembered: int = 0


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The exact request for one step. ``body`` is frozen before the call and sent again unchanged.

    ``key`` (the idempotency key) is filled in by delivery from document, revision and plan number before the bytes freeze.
    ``total`` is what the remote document must come to; ``moves`` what it does to remote accounts, debit positive.
    ``residual`` is the target's own rounding line, in the draft already, never in our books.
    """

    step: str
    kind: str
    reference: str
    method: str
    path: str
    body: bytes
    date: Day
    total: Money
    moves: Mapping[str, int]
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    key: str = ""
    residual: Money | None = None
    text: str = ""


class RemoteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document at the target: its kind and id there, its lock token, number and total as the target states them."""

    kind: str
    remote_id: str
    reference: str
    version: str = ""
    number: str = ""
    total: Money | None = None
    date: Day | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The target has it: what it says it has."""

    document: RemoteDocument


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A clear refusal. ``remedy`` is what Leja does next; ``words`` are the vendor's own."""

    code: str
    words: str
    remedy: Literal["review", "mapping", "period_locked", "consent", "replan"] = "review"


class Unknown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No clear answer: it may have happened."""

    why: str


class AlreadyThere(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The target says that our reference is taken: ask what stands there."""

    words: str


class Later(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It certainly had no effect; not before ``until``. Costs no attempt.

    An ``until`` that is not in the future says that the vendor named none: delivery backs off by itself.
    """

    until: datetime
    why: str


Outcome = Accepted | Rejected | Unknown | AlreadyThere | Later


class Found(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It stands there, and amount, date and our mark agree."""

    document: RemoteDocument


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It does not stand there (as far as its search can tell now)."""


class Ambiguous(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something bears the reference but does not agree, or more than one does."""

    why: str
    documents: tuple[RemoteDocument, ...] = ()


Finding = Found | Absent | Ambiguous


class RemoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a remote document does to one account there, debit positive, in its currency."""

    account: str
    amount: Money


class RemoteState(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the target now. ``state``: present, voided, deleted. ``reference`` is empty for foreign documents."""

    document: RemoteDocument
    state: Literal["present", "voided", "deleted"]
    lines: tuple[RemoteLine, ...] = ()
    changed_at: datetime | None = None
    text: str = ""


class ChangedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that changed since the cursor, ours and others'."""

    states: tuple[RemoteState, ...]
    cursor: str
    more: bool = False


class RemoteBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The movement of one remote account on one day, debit positive."""

    account: str
    day: Day
    amount: Money
