"""Whether the process lives (``/health``) and whether it can do its work (``/ready``). Both tell nothing else but how the embedded database stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get

from leja.core.errors import Transient
from leja.database.migrate import SQL
from leja.house import DatabaseState
from leja.web.api_access import PUBLIC, house_of

READY_SECONDS = 2


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers. ``embedded``: how the embedded database stands; "restarting" after it was killed."""

    status: Literal["alive"] = "alive"
    embedded: DatabaseState


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the database answers and has the schema that this Leja needs; ``embedded`` as in ``Health``."""

    status: Literal["ready", "not ready"]
    database: bool
    schema: bool
    embedded: DatabaseState


@get("/health", opt=PUBLIC, sync_to_thread=False, operation_id="health")
def health(request: Request[Any, Any, Any]) -> Health:
    """The process is alive."""
    return Health(embedded=house_of(request).database_state)


@get("/ready", opt=PUBLIC, sync_to_thread=True, operation_id="ready")
def ready(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """The database is reachable and its schema is current; 503 otherwise."""
    house = house_of(request)
    try:
        with house.database.transaction() as conn:
            conn.execute("SELECT set_config('statement_timeout', %s, true)", (str(READY_SECONDS * 1000),))
            current = conn.execute(
                "SELECT to_regclass('public.work') IS NOT NULL AND version_num = %s FROM alembic_version",
                (newest(SQL),),
            ).fetchone()
    except Transient:
        current = None
    else:
        current = current or (False,)
    good = bool(current and current[0])
    said = Readiness(
        status="ready" if good else "not ready", database=current is not None, schema=good, embedded=house.database_state
    )
    return Response(said, status_code=200 if good else 503)


def newest(folder: Path) -> str:
    """The newest step of the schema that this Leja knows."""
    return max(path.name[:4] for path in folder.glob("[0-8]*.sql"))
