"""Pages of lists: the rows, and what to hand in for the page that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.params import PathParameter, QueryParameter

ORG: Final = "/orgs/{org:uuid}"
READ: Final = {"scope": "read"}

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="How many at most.")]
OrgId = Annotated[UUID, PathParameter(description="The organisation of the token.")]
Name = Annotated[str, QueryParameter(max_length=200)]
After = Annotated[int, QueryParameter(ge=0, le=2**62, description="The last one of the page before.")]
_Row = TypeVar("_Row")


class Page(msgspec.Struct, Generic[_Row], frozen=True, kw_only=True):
    """``next`` is handed in for the page that follows; null on the last one."""

    items: list[_Row]
    next: str | None = None


def page(rows: Sequence[_Row], limit: int, key: Callable[[_Row], object]) -> Page[_Row]:
    """Rows as a page; a full one may have a successor."""
    return Page(items=list(rows), next=str(key(rows[-1])) if len(rows) == limit else None)
