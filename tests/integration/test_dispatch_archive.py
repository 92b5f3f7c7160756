"""A mail shown again is the mail that was sent, whatever has changed since."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from campaigns.archive import rendered_again
from campaigns.models import Series, Step
from campaigns.site import Site
from delivery.sender import Deferred
from storage.database import Database
from subscribers.models import Subscriber
from templates.email import RenderedEmail
from tests.sending_stage import DOCUMENT, RENDERER, Clock, Stage, read


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


@pytest.fixture
def sent(stage: Stage, cast: Any) -> int:
    """Send Ada the first step of a series."""
    series, steps = stage.add_series(cast.mailing_list.id)
    delivery = stage.queue_step(cast.ada, stage.enrol(cast.ada, series), steps[0])
    stage.send()
    return delivery


def again(stage: Stage, delivery: int) -> RenderedEmail | None:
    public_id = stage.delivery(delivery).public_id
    with stage.database.reading() as session:
        return rendered_again(session, stage.site, RENDERER, public_id)


def lines_as_sent(stage: Stage) -> list[list[str]]:
    message = read(stage.sender.accepted[0].message)
    parts = [part.get_content() for part in message.iter_parts()]
    return [text.splitlines() for text in (message["Subject"], *parts)]


def test_it_is_shown_as_it_was_sent(stage: Stage, sent: int) -> None:
    email = again(stage, sent)

    assert email is not None
    lines = [text.splitlines() for text in (email.subject, email.text, email.html)]
    assert lines == lines_as_sent(stage)


def test_a_new_text_a_new_name_and_a_new_title_change_nothing(
    stage: Stage, sent: int, cast: Any
) -> None:
    before = again(stage, sent)
    step_id = stage.delivery(sent).step_id
    with stage.database.transaction() as session:
        step = session.get_one(Step, step_id)
        clinic = {**stage.site.clinic, "name": "Another Clinic"}
        stage.publish(session, step, DOCUMENT.format(subject="changed"), clinic=clinic)
        session.get_one(Subscriber, cast.ada.subscriber_id).first_name = "Augusta"
        session.get_one(Series, step.series_id).title = "Another title"

    assert again(stage, sent) == before


def test_what_was_never_handed_over_is_not_shown(stage: Stage, cast: Any) -> None:
    series, steps = stage.add_series(cast.mailing_list.id)
    queued = stage.queue_step(cast.ada, stage.enrol(cast.ada, series), steps[0])

    assert again(stage, queued) is None


def test_a_mail_that_may_have_arrived_is_shown(stage: Stage, cast: Any) -> None:
    series, steps = stage.add_series(cast.mailing_list.id)
    delivery = stage.queue_step(cast.ada, stage.enrol(cast.ada, series), steps[0])
    stage.sender.answer_next(Deferred("lost", "relay"))
    stage.send()

    assert again(stage, delivery) is not None


def test_a_confirmation_is_not_shown(stage: Stage, cast: Any) -> None:
    confirmation = stage.queue_confirmation(cast.ben)
    stage.send()

    assert again(stage, confirmation) is None


def test_a_mail_to_somebody_who_was_erased_is_not_shown(stage: Stage, sent: int, cast: Any) -> None:
    with stage.database.transaction() as session:
        session.delete(session.get_one(Subscriber, cast.ada.subscriber_id))

    assert again(stage, sent) is None


def test_a_mail_that_does_not_exist_is_not_shown(stage: Stage) -> None:
    with stage.database.reading() as session:
        assert rendered_again(session, stage.site, RENDERER, "a" * 26) is None
