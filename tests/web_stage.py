"""A stage for tests of the pages: a real clinic behind them, a visitor in front."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

import campaigns
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from storage.base import Base
from storage.database import Database
from subscribers.mailing_lists import ensure_list, get_list
from subscribers.models import Subscriber, Subscription
from subscribers.store import find_subscriber, find_subscription_of
from subscribers.tokens import confirm_token, preferences_token, unsubscribe_token
from tests.sending_stage import DOCUMENT, RENDERER, read
from tests.series_stage import SeriesStage
from web.app import create_app
from web.desk import Desk, Limits

SERIES = Path(campaigns.__file__).parents[1] / "templates/builtin/series/massage-benefits"
ADA = "ada@example.org"
WISH = {
    "first_name": "Ada",
    "email": ADA,
    "weekday": "2",
    "hour": "10",
    "time_zone": "Europe/Berlin",
    "consent": "yes",
}


@dataclass
class WebStage(SeriesStage):
    """One clinic with a series of six, its ticks by hand, and its pages."""

    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        super().__post_init__()
        with self.database.transaction() as session:
            weekly = ensure_list(session, "weekly", title="Your weekly series", now=self.clock.now)
        self.add_series(weekly.id, waits=(0, 7, 7, 7, 7, 7), document=DOCUMENT)

    def import_shipped_series(self) -> None:
        """Put the texts a clinic really starts with beside it, on a list `letters`."""
        folder = replace(read_series_folder(SERIES), list_slug="letters")
        with self.database.transaction() as session:
            import_series(session, folder, site=self.site, renderer=RENDERER, now=self.clock.now)

    @property
    def desk(self) -> Desk:
        return Desk(self.database, self.site, RENDERER, self.clock, self.limits)

    @contextmanager
    def visitor(self, *, broken: Database | None = None) -> Iterator[Visitor]:
        """Open the pages anew, with nothing remembered; `broken`: they meet this database."""
        desk = self.desk if broken is None else replace(self.desk, database=broken)
        with TestClient(create_app(desk), raise_server_exceptions=broken is None) as client:
            yield Visitor(client, self)

    def live(self, **by: float) -> None:
        """Let time pass, with everything that is due in it."""
        self.run_until(self.clock.now + timedelta(**by))

    def join(self, email: str = ADA, **wish: str) -> Subscription:
        """Sign somebody up and confirm them, over the pages."""
        with self.visitor() as visitor:
            assert visitor.sign_up(email=email, **wish).status_code == 200
            path = f"/confirm/{confirm_token(self.site.keys, self.subscription(email))}"
            assert visitor.post(path).status_code == 200
        return self.subscription(email)

    def person(self, email: str = ADA) -> Subscriber:
        with self.database.reading() as session:
            person = find_subscriber(session, email)
        assert person is not None
        return person

    def subscription(self, email: str = ADA) -> Subscription:
        with self.database.reading() as session:
            weekly = get_list(session, "weekly")
            person = find_subscriber(session, email)
            assert person is not None
            found = find_subscription_of(session, person.id, list_id=weekly.id)
        assert found is not None
        return found

    def confirm_path(self, email: str = ADA) -> str:
        return f"/confirm/{confirm_token(self.site.keys, self.subscription(email))}"

    def leave_path(self, email: str = ADA) -> str:
        return f"/u/{unsubscribe_token(self.site.keys, self.subscription(email))}"

    def choose_path(self, email: str = ADA) -> str:
        return f"/p/{preferences_token(self.site.keys, self.person(email))}"

    def mails_to(self, email: str = ADA) -> list[str]:
        """List the subjects of what left for somebody."""
        sent = [each for each in self.sender.accepted if each.recipient == email]
        return [str(read(each.message)["Subject"]) for each in sent]

    def rows(self) -> dict[str, list[Any]]:
        """Read every row of every table, to see whether anything changed."""
        with self.database.engine.connect() as connection:
            return {
                table.name: sorted(map(str, connection.execute(table.select()).all()))
                for table in Base.metadata.sorted_tables
            }

    def with_limits(self, **limits: Any) -> None:
        self.limits = replace(self.limits, **limits)


@contextmanager
def serving(stage: WebStage) -> Iterator[str]:
    """Serve the pages over loopback by uvicorn; give their address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(stage.desk), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=60)


@dataclass
class Visitor:
    """Somebody with a browser, who takes a little time for a form."""

    client: TestClient[Litestar]
    stage: WebStage

    def get(self, path: str, **more: Any) -> Response:
        return self.client.get(path, **more)

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> Response:
        headers = {"sec-fetch-site": "same-origin", **more.pop("headers", {})}
        return self.client.post(path, data=data, headers=headers, **more)

    def sign_up(self, *, after: float = 5, follow: bool = True, **wish: str) -> Response:
        seal = self.seal()
        self.stage.clock.move(seconds=after)
        data = {"seal": seal, **WISH, **wish}
        return self.post("/signup/weekly", data, follow_redirects=follow)

    def seal(self, path: str = "/signup/weekly") -> str:
        found = re.search(r'name="seal" value="([^"]+)"', self.get(path).text)
        assert found is not None
        return found[1]
