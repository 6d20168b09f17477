"""A target as delivery is handed it: an accounting connection, its connector's verbs, and an open session."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID

from leja.connectors.contract import (
    Anchor,
    Bundle,
    ChangedPage,
    Chart,
    Draft,
    Finding,
    Limits,
    Outcome,
    RemoteBalance,
    RemoteDocument,
    RemoteState,
    Session,
    Step,
)
from leja.delivery.restored import Witness


class Verbs(Protocol):
    """The target verbs of a connector's ``target`` module, as the contract names them."""

    ANCHORS: Mapping[str, Anchor]

    def chart(self, session: Session) -> Awaitable[Chart]:
        """What the target has."""

    def steps(self, bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
        """Which documents express the bundle."""

    def draft(self, step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
        """The exact request of a step."""

    def deliver(self, session: Session, drafts: Sequence[Draft]) -> Awaitable[tuple[Outcome, ...]]:
        """Send; one outcome per draft, in order."""

    def find(self, session: Session, drafts: Sequence[Draft]) -> Awaitable[tuple[Finding, ...]]:
        """Ask; one finding per draft, in order."""

    def changed(self, session: Session, cursor: str | None) -> Awaitable[ChangedPage]:
        """What changed since the cursor."""

    def read_back(self, session: Session, documents: Sequence[RemoteDocument]) -> Awaitable[tuple[RemoteState, ...]]:
        """What stands there now of these documents."""

    def balances(self, session: Session, since: date, until: date) -> Awaitable[tuple[RemoteBalance, ...]]:
        """Movements per account and day, of all documents."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """``verbs`` is the connector's target module (or anything with its functions), ``session`` what its I/O is
    handed, ``witness`` what this machine saw last of the database."""

    org_id: UUID
    connection_id: UUID
    name: str
    verbs: Verbs
    session: Session
    limits: Limits = field(default_factory=Limits)
    witness: Witness | None = None

    @property
    def lease_name(self) -> str:
        """The lease that whoever delivers to this target must hold."""
        return f"deliver/{self.connection_id}"
