"""What a list offers to somebody who thinks about signing up."""

from __future__ import annotations

import re
from dataclasses import dataclass

from litestar.exceptions import NotFoundException

from campaigns.closing import has_closing
from campaigns.models import Series, Step
from campaigns.store import all_series, steps_of
from storage.database import Session
from subscribers.errors import UnknownListError
from subscribers.mailing_lists import SLUG_LENGTH, get_list
from subscribers.models import MailingList
from web.desk import Desk
from web.wording import rhythm_in_words

_SLUG = re.compile(rf"[a-z0-9-]{{1,{SLUG_LENGTH}}}")  # anything else is not asked of the database
USUAL_HOUR = 9


@dataclass(frozen=True)
class Offer:
    """A list and its foremost series, as the sign-up page tells it."""

    list_slug: str
    title: str
    description: str
    waits: tuple[int, ...]  # days before each email after the one before it
    hour: int  # local hour of people who choose none
    sample: str  # `series/step` of the first email; empty when there is none
    has_last_word: bool = False  # a completion email follows the last part

    @property
    def parts(self) -> int:
        """Count the emails."""
        return len(self.waits)

    @property
    def rhythm(self) -> str:
        """Say how many emails come, how often, and that they end."""
        return rhythm_in_words(self.waits, has_last_word=self.has_last_word)


def find_offer(session: Session, list_slug: str) -> Offer | None:
    """Find what a list offers; None when there is no such list."""
    if not _SLUG.fullmatch(list_slug):
        return None
    try:
        return offer_of(session, get_list(session, list_slug))
    except UnknownListError:
        return None


def offer_of(session: Session, mailing_list: MailingList) -> Offer:
    """Tell what a list offers: its first series, by priority."""
    own = [series for series in all_series(session) if series.list_id == mailing_list.id]
    foremost = own[0] if own else None
    steps = _published(session, foremost) if foremost else []
    return Offer(
        list_slug=mailing_list.slug,
        title=mailing_list.title,
        description=mailing_list.description or (foremost.description if foremost else ""),
        waits=tuple(step.wait_days for step in steps),
        hour=foremost.send_hour if foremost else USUAL_HOUR,
        sample=f"{foremost.slug}/{steps[0].key}" if foremost and steps else "",
        has_last_word=foremost is not None and has_closing(session, foremost.id),
    )


def offer_or_404(desk: Desk, list_slug: str) -> Offer:
    """Find what a list offers.

    Raises:
        NotFoundException: there is no such list.
    """
    with desk.database.reading() as session:
        offer = find_offer(session, list_slug)
    if offer is None:
        raise NotFoundException
    return offer


def _published(session: Session, series: Series) -> list[Step]:
    steps = steps_of(session, series.id)
    return [step for step in steps if step.published and step.revision_id is not None]
