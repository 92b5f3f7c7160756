"""What people send with a form: read within bounds, cleaned, sealed against foreign pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from storage.signing import PUBLIC_ID_LENGTH, KeyRing

Form = Mapping[str, str]
TheForm = NamedDependency[SkipValidation[Form]]

_MOST_FIELDS = 64
_JOINERS = "\u200c\u200d"  # some scripts and emoji need them


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """Read the fields of a form, cleaned; of a name that comes twice, the last counts.

    Litestar's own reading keeps the last thousand bodies in memory, and with them the addresses of
    people who may ask to be forgotten. A body of another kind, or with more fields than any form
    of ours, reads as an empty form: it is for the page to say what that means.
    """
    body = await request.body()
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        return {}
    try:
        fields = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}
    return {name: clean(text) for name, text in fields}


def clean(text: str) -> str:
    """Make one line of a text: no control characters, nothing that turns the writing direction."""
    kept = (_character(character) for character in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in _JOINERS else ""
    return " " if category[0] == "C" or category in ("Zl", "Zp") else character


def seal(keys: KeyRing, page: str, *, now: datetime) -> str:
    """Sign the moment a form was shown, for that page only."""
    return keys.sign(f"form:{page}", f"{int(now.timestamp()):0{PUBLIC_ID_LENGTH}}")


def sealed_at(keys: KeyRing, page: str, text: str) -> datetime | None:
    """Tell when we showed the form this seal came with; None when it is not ours."""
    moment = keys.verify(f"form:{page}", text)
    return datetime.fromtimestamp(int(moment), UTC) if moment else None


def is_foreign(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Tell whether a browser says that another site's page sent this.

    Every browser since 2023 says it in `Sec-Fetch-Site`. Older ones have `Origin`, which is `null`
    under our referrer policy; for them the seal has to do.
    """
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    return origin != "null" and _host(origin) != request.headers.get("host", "").lower()


def client_of(request: Request[Any, Any, Any]) -> str:
    """Name the network address a request came from; behind a proxy the server resolved it."""
    return request.client.host if request.client else ""


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def refuse_foreign(request: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard a page's own form; the address with its token is the real secret.

    Raises:
        PermissionDeniedException: the form was sent from another site's page.
    """
    if is_foreign(request):
        raise PermissionDeniedException("the form was sent from another site")
