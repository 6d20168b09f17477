"""What a platform says of itself to the shared suites: ``tests/stage.py`` in its folder, plain data, read strictly.

``CAPABILITIES`` is the least that the connector must claim, ``TARGET`` a dict with the fields of ``TargetStage``,
``SOURCE`` one with the fields of ``SourceStage``. docs/connectors/writing.md explains each with an example.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args

import msgspec

from leja.connectors import registry
from leja.connectors.contract import BundleKind

# The roles of our books that every target must have a place for, with the kind of account that they are here.
ROLES: Final[Mapping[str, str]] = {
    "bank": "bank", "cash:till": "bank", "clearing:card_processor": "current_asset", "receivable": "receivable",
    "inventory": "current_asset", "gift_card_liability": "current_liability", "output_tax": "tax", "sales": "income",
    "shipping_income": "income", "sales_discounts": "income", "sales_returns": "income", "cogs": "cost_of_sales",
    "processor_fees": "expense", "rounding": "expense",
}
KINDS: Final[tuple[BundleKind, ...]] = get_args(BundleKind)


class Foreign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that somebody types over there: what ``foreign`` is called with, and one of its postings."""

    kind: str
    body: dict[str, Any]
    account: str
    day: str
    minor: int


class TargetStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a target is set up against its stand-in, and what it leaves out.

    ``settings``, ``secrets``: of the connection. ``granted``: secret -> field of the answer of ``grant``, for platforms
    with a key. ``tenant``: the field of that answer that names the tenant. ``stand_in``: settings of the stand-in;
    ``home``: the one that names its home currency; ``one_currency`` and ``many_currencies``: settings that switch
    foreign currencies off and on (no ``many_currencies``: it cannot keep any). ``accounts``: role of ours -> code, id or
    name of an account there. ``tax_code``: id of a code above 0 %, "" where it has none. ``writes``: pattern of
    ``"METHOD /path"`` of calls that make documents. ``archivable``: account, customer, item -> kind of ``deactivate``.
    ``not_claimed``: bundle kind -> why; ``held``: code of NeedsReview that any bundle may meet -> why; ``not_played``:
    step kind that the stand-in refuses -> why; ``not_offered``: control action or check -> why.
    """

    settings: dict[str, Any]
    accounts: dict[str, str]
    writes: str
    foreign: Foreign
    tax_code: str = ""
    secrets: dict[str, str] = {}
    granted: dict[str, str] = {}
    tenant: str = ""
    stand_in: dict[str, Any] = {}
    home: str = "home_currency"
    one_currency: dict[str, Any] = {}
    many_currencies: dict[str, Any] | None = None
    archivable: dict[str, str] = {}
    not_claimed: dict[str, str] = {}
    held: dict[str, str] = {}
    not_played: dict[str, str] = {}
    not_offered: dict[str, str] = {}


class Doing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A control action of a merchant: its name, its arguments, and the argument that takes the sale's id."""

    action: str
    arguments: dict[str, Any] = {}
    of: str = ""


class SourceStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sales source is set up against its stand-in, and what its merchant does there.

    ``settings``, ``secrets``, ``granted``, ``tenant``, ``stand_in`` as for a target; it sells in GBP. ``roles``: account roles
    of its processors, put on default accounts. ``sell``: the action that makes a sale, ``sales`` the arguments of several
    different ones, ``id`` the field of its answer that names it. ``refund`` gives part of a sale back, ``touch`` changes it
    without moving money, ``edit`` moves money, ``delete`` removes it for good. ``late``: the argument of ``sell`` that dates a
    sale into the past, as a commit that comes late, and by how many seconds the connector's overlap allows it. ``page``: more
    sales than a page of the poll holds. ``reads``: pattern of ``"METHOD /path"`` of the calls that poll, backfill and proof
    make. ``not_offered``: refund, edit, delete, late, day_totals, backfill -> why.
    """

    settings: dict[str, Any]
    sell: str
    sales: list[dict[str, Any]]
    touch: Doing
    reads: str
    secrets: dict[str, str] = {}
    granted: dict[str, str] = {}
    tenant: str = ""
    stand_in: dict[str, Any] = {}
    roles: list[str] = []
    id: str = "id"
    refund: Doing | None = None
    edit: Doing | None = None
    delete: Doing | None = None
    late: dict[str, Any] = {}
    page: int = 0
    not_offered: dict[str, str] = {}


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """All that a folder's ``tests/stage.py`` says."""

    slug: str
    capabilities: frozenset[str] = frozenset()
    target: TargetStage | None = None
    source: SourceStage | None = None


@lru_cache(maxsize=64)
def stage(slug: str) -> Stage:
    """What a connector's stage says. Raises AssertionError naming the file where it is not there or does not fit."""
    path = registry.folders()[slug] / "tests" / "stage.py"
    assert path.exists(), f"{slug} must bring {path.name}: see docs/connectors/writing.md"
    module = loaded(path, f"stage_{slug}")
    target, source = getattr(module, "TARGET", None), getattr(module, "SOURCE", None)
    try:
        found = Stage(
            slug=slug, capabilities=frozenset(getattr(module, "CAPABILITIES", ())),
            target=msgspec.convert(target, TargetStage) if target is not None else None,
            source=msgspec.convert(source, SourceStage) if source is not None else None,
        )
    except msgspec.ValidationError as error:
        raise AssertionError(f"{path}: {error}") from error
    if found.target is not None:
        assert not set(ROLES) - set(found.target.accounts), f"{slug}: no account for {set(ROLES) - set(found.target.accounts)}"
        assert set(found.target.not_claimed) <= set(KINDS), f"{slug}: not_claimed names no bundle kind"
    return found


def target_stage(slug: str) -> TargetStage:
    """The stage of a target."""
    found = stage(slug).target
    assert found is not None, f"{slug} has target.py, so tests/stage.py must hold TARGET"
    return found


def source_stage(slug: str) -> SourceStage:
    """The stage of a source that is polled."""
    found = stage(slug).source
    assert found is not None, f"{slug} can be polled, so tests/stage.py must hold SOURCE"
    return found


def sources() -> list[str]:
    """Every connector that sells and can be polled: presence is what puts it under the suite."""
    return [slug for slug, one in registry.connectors().items()
            if "sales" in one.roles and "poll" in registry.capabilities(slug)]


def targets() -> list[str]:
    """Every connector with ``target.py``: presence is what puts it under the suite."""
    return [slug for slug, folder in registry.folders().items() if (folder / "target.py").exists()]


def loaded(path: Path, name: str) -> ModuleType:
    """A module of a connector's own tests, by its file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
