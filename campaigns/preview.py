"""Look at a step before anybody gets it: on the screen, or as a test in one's own mailbox.

Nothing here touches deliveries or anybody's progress, and no link in it works for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.editions import load_editions
from campaigns.errors import (
    SeriesNotNamedError,
    StepWithoutTextError,
    UnknownReaderError,
    UnknownStepError,
)
from campaigns.letters import Posting, plain_letter
from campaigns.models import Series, Step
from campaigns.site import Site
from campaigns.store import all_series, find_series, steps_of
from delivery.message import Letter, compose
from delivery.rules.addresses import wire_address
from delivery.rules.states import Kind
from delivery.sender import Handover, Outcome, Sender
from storage.database import Database
from storage.signing import new_public_id
from subscribers.models import Subscriber
from subscribers.rules.address import parse_address
from subscribers.store import find_subscriber
from templates.email import Reader, RenderedEmail, Renderer
from templates.samples import SAMPLE_READER

_LINKS = ("unsubscribe", "preferences", "view")


@dataclass(frozen=True)
class Preview(RenderedEmail):
    """A rendered step, with the letter it would be."""

    letter: Letter


def preview_step(
    session: Session,
    site: Site,
    renderer: Renderer,
    step_ref: str,
    *,
    address: str | None = None,
    now: datetime,
) -> Preview:
    """Render a step as one person would get it, or a sample reader.

    `step_ref` is `series/step-key` or `series/3`; without the series when there is only one.

    Raises:
        UnknownSeriesError, UnknownStepError, SeriesNotNamedError: there is no such step.
        StepWithoutTextError: the step has no published text.
        UnknownReaderError: nobody has this address.
        InvalidAddressError: the address is none.
        TemplateError: the step cannot be rendered for this reader.
    """
    series, step, number, parts = find_step(session, step_ref)
    person = _find_reader(session, address) if address is not None else None
    editions = load_editions(session, {step.revision_id or 0}, attribute_names=site.attribute_names)
    if step.revision_id not in editions:
        raise StepWithoutTextError(series.slug, step.key)
    reader = Reader(
        subscriber=_facts_of(person) if person else SAMPLE_READER.subscriber,
        links=dict.fromkeys(_LINKS, f"{site.public_url}/preview"),
        series={"title": series.title, "part": number, "parts": parts},
    )
    email = renderer.render(editions[step.revision_id], reader)
    to_address = person.email if person else site.identity.from_address
    posting = Posting(new_public_id(), now, Kind.STEP)
    letter = plain_letter(email, posting, to_address=to_address, site=site)
    return Preview(**asdict(email), letter=letter)


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
    tester = parse_address(to)
    subject = f"[Test] {preview.subject}"
    letter = replace(preview.letter, to_address=tester.text, subject=subject)
    handover = Handover(
        delivery_id=0,
        envelope_sender=wire_address(site.identity.bounce_address),
        recipient=tester.wire,
        message=compose(letter),
        needs_smtputf8=tester.needs_smtputf8,
    )
    return sender.send([handover])[0]


def find_step(session: Session, step_ref: str) -> tuple[Series, Step, int, int]:
    """Find a step by its reference; with its place among the published ones, and their number."""
    slug, slash, name = step_ref.rpartition("/")
    series = find_series(session, slug) if slash else _only_series(session, step_ref)
    steps = steps_of(session, series.id)
    published = [step for step in steps if step.published]
    found = _named(steps, name) or _numbered(published, name)
    if found is None:
        raise UnknownStepError(series.slug, name, [step.key for step in published])
    number = published.index(found) + 1 if found in published else len(published)
    return series, found, number, len(published)


def _only_series(session: Session, step_ref: str) -> Series:
    known = all_series(session)
    if len(known) != 1:
        raise SeriesNotNamedError(step_ref, [series.slug for series in known])
    return known[0]


def _named(steps: Sequence[Step], key: str) -> Step | None:
    return next((step for step in steps if step.key == key), None)


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
