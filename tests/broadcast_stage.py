"""A stage for tests of broadcasts: newsletters, made and scheduled in one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.broadcast_folder import BroadcastFolder
from campaigns.broadcasts import (
    LocalHour,
    cancel_broadcast,
    find_broadcast,
    save_broadcast,
    schedule_broadcast,
    send_broadcast,
)
from campaigns.models import Broadcast
from delivery.rules.states import State
from subscribers.models import MailingList, SubscriberTag
from tests.sending_stage import RENDERER
from tests.series_stage import SeriesStage

NEWS = """\
---
subject: {subject}
---
# Hello {{{{ subscriber.first_name or "there" }}}}

We are open on Saturdays from now on.
"""


@dataclass
class BroadcastStage(SeriesStage):
    """One clinic that sends a newsletter beside its series."""

    def make_list(self, slug: str = "weekly") -> int:
        with self.database.transaction() as session:
            found = MailingList(slug=slug, title=slug.title(), created_at=self.clock.now)
            session.add(found)
        return found.id

    def write(self, slug: str = "may-news", *, text: str = NEWS, **values: Any) -> Broadcast:
        """Make a broadcast, or change it."""
        document = text.format(subject=f"News of {slug}")
        folder = BroadcastFolder(slug, f"{slug}.md", document, **values)
        saved: tuple[Broadcast, bool] = self.do(
            lambda s: save_broadcast(
                s, folder, site=self.site, renderer=RENDERER, now=self.clock.now
            )
        )
        return saved[0]

    def schedule(
        self, at: datetime | LocalHour, slug: str = "may-news", **values: Any
    ) -> Broadcast:
        """Make a broadcast and say when it goes."""
        self.write(slug, **values)
        done: Broadcast = self.do(
            lambda s: schedule_broadcast(s, slug, at, site=self.site, now=self.clock.now)
        )
        return done

    def send_now(self, slug: str = "may-news") -> None:
        self.do(lambda s: send_broadcast(s, slug, site=self.site, now=self.clock.now))

    def cancel(self, slug: str = "may-news") -> int:
        cancelled: tuple[Broadcast, int] = self.do(
            lambda s: cancel_broadcast(s, slug, now=self.clock.now)
        )
        return cancelled[1]

    def broadcast(self, slug: str = "may-news") -> Broadcast:
        found: Broadcast = self.ask(lambda s: find_broadcast(s, slug))
        return found

    def tag(self, subscriber_id: int, tag: str) -> None:
        self.do(lambda s: s.add(SubscriberTag(subscriber_id=subscriber_id, tag=tag)))

    def readers(self, slug: str = "may-news") -> list[str]:
        """Name those who were sent a broadcast."""
        return [
            email.partition("@")[0] for name, email, _ in self.broadcasts_went() if name == slug
        ]

    def issues(self) -> list[tuple[str, State]]:
        """List the broadcast deliveries by their once keys."""
        return [(key, state) for key, state in self.once_keys() if key.startswith("broadcast:")]
