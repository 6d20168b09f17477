"""Whether the process lives (``/health``) and whether it can do its work (``/ready``). Both tell nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get

from leja.core.errors import Transient
from leja.database.migrate import SQL
from leja.web.api_access import PUBLIC, house_of

READY_SECONDS = 2


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the database answers and has the schema that this Leja needs."""

    status: Literal["ready", "not ready"]
    database: bool
    schema: bool


@get("/health", opt=PUBLIC, sync_to_thread=False, operation_id="health")
def health() -> Health:
    """The process is alive."""
    return Health()


@get("/ready", opt=PUBLIC, sync_to_thread=True, operation_id="ready")
def ready(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """The database is reachable and its schema is current; 503 otherwise."""
    try:
        with house_of(request).database.transaction() as conn:
            conn.execute("SELECT set_config('statement_timeout', %s, true)", (str(READY_SECONDS * 1000),))
            current = conn.execute(
                "SELECT to_regclass('public.work') IS NOT NULL AND version_num = %s FROM alembic_version",
                (newest(SQL),),
            ).fetchone()
    except Transient:
        return Response(Readiness(status="not ready", database=False, schema=False), status_code=503)
    good = bool(current and current[0])
    return Response(
        Readiness(status="ready" if good else "not ready", database=True, schema=good), status_code=200 if good else 503
    )


def newest(folder: Path) -> str:
    """The newest step of the schema that this Leja knows."""
    return max(path.name[:4] for path in folder.glob("[0-8]*.sql"))
