"""Is the site well? For a monitor, as JSON."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from storage.schema import schema_version
from web.desk import TheDesk

_log = logging.getLogger("steadypost.web")


@dataclass(frozen=True)
class Health:
    """What a monitor needs to know."""

    status: str  # `ok`, or `database does not answer`
    schema_version: str | None  # of the tables


@get(
    "/healthz",
    sync_to_thread=True,
    summary="Tell whether the site works",
    description="Asks the database one question. It reveals nothing about people or mail.",
    responses={503: ResponseSpec(Health, description="The database does not answer.")},
)
def tell_health(desk: TheDesk) -> Response[Health]:
    """Ask the database for its schema version; 503 when it does not answer."""
    try:
        with desk.database.reading() as session:
            return Response(Health("ok", schema_version(session)))
    except Exception as error:  # whatever it is: a monitor needs an answer, not an error page
        _log.error("database did not answer", exc_info=error)
        return Response(Health("database does not answer", None), status_code=503)
