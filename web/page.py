"""One page for one visitor: a template, the facts it shows, and what every page shares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from campaigns.site import Site
from web.assets import load_assets
from web.headers import NOT_FOR_ROBOTS
from web.wording import day_in_words, hour_in_words

_CLINIC_FACTS = ("name", "postal_address", "website", "phone", "privacy_url")


class Pages:
    """The templates of the package, with the clinic's facts filled in."""

    def __init__(self, site: Site) -> None:
        clinic = {name: str(site.clinic.get(name) or "") for name in _CLINIC_FACTS}
        self.base = base_path(site)
        self._shared = {
            "base": self.base,
            "clinic": clinic,
            "contact": site.identity.reply_to or site.identity.from_address,
            "privacy_url": clinic["privacy_url"] or f"{self.base}/privacy",
        }

    def show(
        self,
        name: str,
        *,
        status: int = 200,
        for_robots: bool = False,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> Response[str]:
        """Fill one template; pages are kept from search engines unless they are for everybody."""
        html = _environment().get_template(f"{name}.html").render(self._shared, **facts)
        robots = {} if for_robots else NOT_FOR_ROBOTS
        return Response(
            html,
            status_code=status,
            media_type="text/html",
            headers={**robots, **(headers or {})},
        )

    def send_to(self, path: str) -> Response[str]:
        """Send the browser to another page after a form, so that a reload repeats nothing."""
        return Response(
            "", status_code=303, media_type="text/html", headers={"Location": self.base + path}
        )


# How a page asks for it. Litestar would otherwise validate the value on every request.
ThePages = NamedDependency[SkipValidation[Pages]]


def base_path(site: Site) -> str:
    """Tell where our pages begin when the site's address has a path of its own."""
    return urlsplit(site.public_url).path.rstrip("/")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = lambda name: load_assets()[name].path
    environment.filters["day"] = day_in_words
    environment.filters["hour"] = hour_in_words
    return environment
