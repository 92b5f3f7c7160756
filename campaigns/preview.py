"""Look at an email before anybody gets it: on the screen, or as a test in one's own mailbox.

Nothing here touches deliveries or anybody's progress, and no link in it works for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.broadcasts import edition_to_look_at, find_broadcast, list_of
from campaigns.closing import CLOSING_KEY
from campaigns.editions import load_editions
from campaigns.errors import (
    SeriesNotNamedError,
    StepWithoutTextError,
    UnknownReaderError,
    UnknownStepError,
)
from campaigns.letters import Posting, plain_letter
from campaigns.models import Series, Step
from campaigns.revisions import edition_with, surroundings_now
from campaigns.site import Site
from campaigns.store import all_series, closing_of, find_series, steps_of
from delivery.message import Letter, compose_signed
from delivery.rules.addresses import wire_address
from delivery.rules.states import Kind
from delivery.sender import Handover, Outcome, Sender
from storage.database import Database
from storage.signing import new_public_id
from subscribers.models import Subscriber
from subscribers.rules.address import Address, parse_address
from subscribers.store import find_subscriber
from templates.email import Edition, Reader, RenderedEmail, Renderer
from templates.samples import SAMPLE_READER

_LINKS = ("unsubscribe", "preferences", "view")


@dataclass(frozen=True, kw_only=True)
class Preview(RenderedEmail):
    """A rendered step, with the letter it would be."""

    letter: Letter


@dataclass(frozen=True)
class StepPlace:
    """A step, and where it stands among the published ones of its series."""

    series: Series
    step: Step
    number: int
    parts: int


def preview_step(
    session: Session,
    site: Site,
    renderer: Renderer,
    step_ref: str,
    *,
    address: str | None = None,
    theme: str = "",
    now: datetime,
) -> Preview:
    """Render a step as one person would get it, or a sample reader.

    `step_ref` is `series/step-key` or `series/3`; without the series when there is only one.
    `theme` dresses it otherwise than its series does, to see how that would look.

    Raises:
        UnknownSeriesError, UnknownStepError, SeriesNotNamedError: there is no such step.
        StepWithoutTextError: the step has no published text.
        UnknownReaderError: nobody has this address.
        InvalidAddressError: the address is none.
        TemplateError: the step cannot be rendered for this reader, or in this theme.
    """
    place = find_step(session, step_ref)
    person = _find_reader(session, address) if address is not None else None
    series = {"title": place.series.title, "part": place.number, "parts": place.parts}
    edition = _edition_of(session, place, site, theme=theme, now=now)
    return _preview(edition, person, series, kind=Kind.STEP, renderer=renderer, site=site, now=now)


def preview_broadcast(
    session: Session,
    site: Site,
    renderer: Renderer,
    slug: str,
    *,
    address: str | None = None,
    now: datetime,
) -> Preview:
    """Render a broadcast as one person would get it, or a sample reader.

    Raises:
        UnknownBroadcastError: there is none of this name.
        UnknownReaderError: nobody has this address.
        InvalidAddressError: the address is none.
        TemplateError: it cannot be rendered for this reader.
    """
    broadcast = find_broadcast(session, slug)
    person = _find_reader(session, address) if address is not None else None
    about = {"title": list_of(session, broadcast).title}
    edition = edition_to_look_at(session, broadcast, site=site, now=now)
    kind = Kind.BROADCAST
    return _preview(edition, person, about, kind=kind, renderer=renderer, site=site, now=now)


def _preview(
    edition: Edition,
    person: Subscriber | None,
    series: Mapping[str, Any],
    *,
    kind: Kind,
    renderer: Renderer,
    site: Site,
    now: datetime,
) -> Preview:
    reader = Reader(
        subscriber=_facts_of(person) if person else SAMPLE_READER.subscriber,
        links=dict.fromkeys(_LINKS, f"{site.public_url}/preview"),
        series=series,
    )
    email = renderer.render(edition, reader)
    to_address = person.email if person else site.identity.from_address
    posting = Posting(new_public_id(), now, kind)
    letter = plain_letter(email, posting, to_address=to_address, site=site)
    return Preview(**vars(email), letter=letter)


def send_test(
    database: Database,
    sender: Sender,
    site: Site,
    *,
    renderer: Renderer,
    step_ref: str,
    to: str,
    address: str | None = None,
    now: datetime,
) -> Outcome:
    """Send one step to a tester, as written for `address` or the sample reader.

    It is marked as a test, stands in no ledger, and cannot unsubscribe anybody.

    Raises:
        InvalidAddressError: the tester's address is none.
        The errors of `preview_step`.
    """
    with database.reading() as session:
        preview = preview_step(session, site, renderer, step_ref, address=address, now=now)
    return send_as_test(sender, preview.letter, to=to, site=site)


def send_as_test(
    sender: Sender, letter: Letter, *, to: str, site: Site, mark: str = "Test"
) -> Outcome:
    """Send a letter that somebody is shown to a tester, marked in its subject and in a header.

    Raises:
        InvalidAddressError: the tester's address is none.
    """
    return sender.send([_test_of(letter, parse_address(to), site, mark)])[0]


def _test_of(letter: Letter, tester: Address, site: Site, mark: str) -> Handover:
    subject = f"[{mark}] {letter.subject}"
    letter = letter._replace(to_address=tester.text, subject=subject, note=mark.lower())
    return Handover(
        delivery_id=0,
        envelope_sender=wire_address(site.identity.bounce_address),
        recipient=tester.wire,
        message=compose_signed(letter, site.signer),
        needs_smtputf8=tester.needs_smtputf8,
    )


def find_step(session: Session, step_ref: str) -> StepPlace:
    """Find a step by its reference; the number counts the published ones.

    Raises:
        UnknownSeriesError, UnknownStepError, SeriesNotNamedError: there is no such step.
    """
    slug, slash, name = step_ref.rpartition("/")
    series = find_series(session, slug) if slash else _only_series(session, step_ref)
    steps = steps_of(session, series.id)
    published = [step for step in steps if step.published]
    found = _named(steps, name) or _numbered(published, name) or _closing(session, series, name)
    if found is None:
        raise UnknownStepError(series.slug, name, [step.key for step in published])
    number = published.index(found) + 1 if found in published else len(published)
    if found.is_closing:
        number = 0
    return StepPlace(series, found, number, len(published))


def _edition_of(
    session: Session, place: StepPlace, site: Site, *, theme: str, now: datetime
) -> Edition:
    """Take the published text with the theme and the clinic as they stand now.

    A change of the settings is what people look at next, and no tick need have seen it yet.
    """
    revision_id = place.step.revision_id
    if revision_id is None:
        raise StepWithoutTextError(place.series.slug, place.step.key)
    names = site.attribute_names
    published = load_editions(session, [revision_id], attribute_names=names)[revision_id]
    surroundings = surroundings_now(theme or place.series.theme, site, now=now)
    return edition_with(published.document, surroundings, attribute_names=names)


def _only_series(session: Session, step_ref: str) -> Series:
    known = all_series(session)
    if len(known) != 1:
        raise SeriesNotNamedError(step_ref, [series.slug for series in known])
    return known[0]


def _named(steps: Sequence[Step], key: str) -> Step | None:
    return next((step for step in steps if step.key == key), None)


def _closing(session: Session, series: Series, key: str) -> Step | None:
    return closing_of(session, series.id) if key == CLOSING_KEY else None


def _numbered(steps: Sequence[Step], number: str) -> Step | None:
    place = int(number) if number.isascii() and number.isdecimal() else 0
    return steps[place - 1] if 1 <= place <= len(steps) else None


def _find_reader(session: Session, address: str) -> Subscriber:
    person = find_subscriber(session, address)
    if person is None:
        raise UnknownReaderError(address)
    return person


def _facts_of(person: Subscriber) -> Mapping[str, Any]:
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {**person.attributes, **names}
