"""Our own style sheet, script and mark: read once, named by content, cached for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file that pages load from us."""

    path: str  # below the site's address: `/static/style-1a2b3c4d5e6f.css`
    content: bytes
    media_type: str


@cache
def load_assets() -> Mapping[str, Asset]:
    """Read every asset of the package, by its plain name (`style.css`)."""
    folder = files("web") / "static"
    return {file.name: _load(file.name, file.read_bytes()) for file in folder.iterdir()}


def _load(name: str, content: bytes) -> Asset:
    stem, dot, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    path = f"/static/{stem}-{digest}{dot}{ending}"
    return Asset(path, content, _MEDIA_TYPES[dot + ending])


@cache
def _assets_by_path() -> Mapping[str, Asset]:
    return {asset.path: asset for asset in load_assets().values()}


@get("/static/{name:str}", sync_to_thread=False, include_in_schema=False)
def send_asset(name: FromPath[str]) -> Response[bytes]:
    """Send an asset; its name changes with its content, so it may be kept for ever."""
    asset = _assets_by_path().get(f"/static/{name}")
    if asset is None:
        raise NotFoundException
    return Response(
        asset.content,
        media_type=asset.media_type,
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
