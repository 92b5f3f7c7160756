"""The end of a series: what one has had, to read again, and what one can do now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from campaigns.completions import Completed, completed_ways, lists_joined
from campaigns.rules.time_zones import zone_of
from storage.database import Session
from subscribers.mailing_lists import all_lists
from subscribers.models import Subscriber
from subscribers.store import find_subscriber_by_public_id
from subscribers.tokens import read_preferences_token
from web.desk import Desk, TheDesk
from web.offer import Offer, offer_of
from web.page import ThePages
from web.past_letters import PastLetter, letters_of_way
from web.routes import page
from web.wording import day_in_words


@dataclass(frozen=True)
class LookBack:
    """One series somebody has finished, with everything they had of it."""

    way: Completed
    first_day: str
    last_day: str
    letters: Sequence[PastLetter]


@page("/p/{token:str}/finished")
def show_finished(token: FromPath[str], desk: TheDesk, pages: ThePages) -> Response[str]:
    """Show what a person has finished; who is still on the way sees where they are instead."""
    with desk.database.reading() as session:
        public_id = read_preferences_token(desk.site.keys, token)
        person = find_subscriber_by_public_id(session, public_id) if public_id else None
        if person is None:  # forged, or erased: the same answer
            raise NotFoundException
        found = completed_ways(session, person)
        if not found:
            return pages.send_to(f"/p/{token}")
        return pages.show(
            "finished",
            token=token,
            first_name=person.first_name,
            looks_back=[_look_back(session, desk, person, way) for way in found],
            offers=_other_offers(session, person),
            booking_url=str(desk.site.clinic.get("booking_url") or ""),
        )


def _look_back(session: Session, desk: Desk, person: Subscriber, way: Completed) -> LookBack:
    zone = zone_of(person.time_zone, desk.site.zone)
    return LookBack(
        way,
        first_day=day_in_words(way.began_at.astimezone(zone).date()),
        last_day=day_in_words(way.ended_at.astimezone(zone).date()),
        letters=letters_of_way(session, desk, way.enrolment_id, zone=zone),
    )


def _other_offers(session: Session, person: Subscriber) -> list[Offer]:
    joined = lists_joined(session, person)
    return [offer_of(session, one) for one in all_lists(session) if one.id not in joined]
