"""A stage for tests of the pages: a real clinic behind them, a visitor in front."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

import campaigns
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import Site
from delivery.memory import MemorySender
from scheduler import Parts, TickReport, employed, run_tick
from storage.base import Base
from storage.database import Database
from subscribers.mailing_lists import get_list
from subscribers.models import Subscriber, Subscription
from subscribers.store import find_subscriber, find_subscription_of
from subscribers.tokens import confirm_token, preferences_token, unsubscribe_token
from tests.sending_stage import RENDERER, Clock, read
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
class WebStage:
    """One clinic with the shipped series, its scheduler by hand, and its pages."""

    database: Database
    site: Site
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    sender: MemorySender = field(default_factory=MemorySender)

    def __post_init__(self) -> None:
        folder = read_series_folder(SERIES)
        with self.database.transaction() as session:
            import_series(session, folder, site=self.site, renderer=RENDERER, now=self.clock.now)

    @property
    def app(self) -> Litestar:
        """Make the application anew, with nothing remembered about visitors."""
        return create_app(self.desk)

    @property
    def desk(self) -> Desk:
        return Desk(self.database, self.site, RENDERER, self.clock, self.limits)

    @contextmanager
    def visitor(self, *, raising: bool = True) -> Iterator[Visitor]:
        with TestClient(self.app, raise_server_exceptions=raising) as client:
            yield Visitor(client, self)

    def tick(self) -> TickReport:
        """Let the scheduler work once."""
        parts = Parts(self.database, self.site, self.sender, RENDERER, self.clock)
        with employed(parts) as worker:
            return run_tick(parts, worker, now=self.clock.now)

    def live(self, **by: float) -> None:
        """Let time pass, with a tick every few hours."""
        until = self.clock.now + timedelta(**by)
        while self.clock.now < until:
            self.clock.now = min(self.clock.now + timedelta(hours=3), until)
            self.tick()

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
