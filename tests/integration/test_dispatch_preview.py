"""Looking at a step, and sending it to oneself, leaves no trace and gives nobody's links away."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.errors import (
    SeriesNotNamedError,
    StepWithoutTextError,
    UnknownReaderError,
    UnknownSeriesError,
    UnknownStepError,
)
from campaigns.models import Enrolment, Step
from campaigns.preview import Preview, preview_step, send_test
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.models import Delivery
from delivery.sender import Accepted, RelayDown
from storage.database import Database
from subscribers.errors import InvalidAddressError
from templates.errors import TemplateError
from tests.sending_stage import RENDERER, Clock, Stage, read


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> Stage:
    stage = Stage(sqlite_database, site, Clock(now))
    stage.add_series(stage.add_list())
    return stage


def look(stage: Stage, step_ref: str, address: str | None = None) -> Preview:
    with stage.database.reading() as session:
        return preview_step(
            session, stage.site, RENDERER, step_ref, address=address, now=stage.clock.now
        )


def send_to(stage: Stage, to: str, **values: Any) -> Any:
    return send_test(
        stage.database,
        values.pop("sender", stage.sender),
        stage.site,
        renderer=RENDERER,
        step_ref="1",
        to=to,
        now=stage.clock.now,
        **values,
    )


def test_a_test_goes_to_the_tester_and_says_what_it_is(stage: Stage) -> None:
    outcome = send_to(stage, "mara@riverside.example")

    assert isinstance(outcome, Accepted)
    handover = stage.sender.accepted[0]
    message = read(handover.message)
    assert handover.recipient == message["To"] == "mara@riverside.example"
    assert handover.envelope_sender == "bounces@riverside.example"
    assert message["Subject"] == "[Test] welcome step-1"
    assert message["From"] == "Riverside Clinic <hello@riverside.example>"


@pytest.mark.parametrize("step_ref", ["welcome/step-2", "welcome/2", "step-2", "2"])
def test_a_step_is_named_by_its_key_or_its_number(stage: Stage, step_ref: str) -> None:
    found = look(stage, step_ref)

    assert found.subject == "welcome step-2"
    assert "Part 2 of 3" in found.html
    assert found.text
    assert found.preheader == "Five minutes that help."


def test_without_an_address_a_sample_reader_is_greeted(stage: Stage) -> None:
    assert "Hello Ada" in look(stage, "1").html


def test_with_an_address_it_is_as_that_person_would_get_it(stage: Stage) -> None:
    stage.add_reader("grace", stage.add_list("other"))

    found = look(stage, "1", "Grace@Example.org")

    assert "Hello Grace" in found.html
    assert found.letter.to_address == "grace@example.org"


def test_no_link_in_it_works_for_anybody(stage: Stage) -> None:
    stage.add_reader("grace", stage.add_list("other"))
    found = look(stage, "1", "grace@example.org")
    send_to(stage, "mara@riverside.example", address="grace@example.org")

    raw = stage.sender.accepted[0].message.decode().replace("=\r\n", "")
    for text in (found.html, found.text, raw):
        assert "https://post.riverside.example/preview" in text
        assert not re.search(r"riverside\.example/(u|p|m|confirm)/", text)
    message = read(stage.sender.accepted[0].message)
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID"):
        assert message[name] is None


def test_a_test_stands_in_no_ledger(stage: Stage) -> None:
    send_to(stage, "mara@riverside.example")

    with stage.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
        assert session.scalar(select(func.count()).select_from(Enrolment)) == 0


def test_what_the_relay_says_about_a_test_is_given_back(stage: Stage) -> None:
    sender = MemorySender()
    sender.answer_next(RelayDown("connection refused", "relay"))

    assert send_to(stage, "mara@riverside.example", sender=sender) == RelayDown(
        "connection refused", "relay"
    )


def test_a_test_goes_to_an_address_only(stage: Stage) -> None:
    with pytest.raises(InvalidAddressError):
        send_to(stage, "mara\r\nBcc: eve@example.com")

    assert stage.sender.handovers == []


def test_two_tests_are_two_messages(stage: Stage) -> None:
    for _ in range(2):
        send_to(stage, "mara@riverside.example")

    ids = {read(handover.message)["Message-ID"] for handover in stage.sender.accepted}
    assert len(ids) == 2


def test_an_unpublished_step_can_be_looked_at_by_its_key(stage: Stage) -> None:
    with stage.database.transaction() as session:
        step = session.scalars(select(Step).where(Step.key == "step-1")).one()
        step.published = False

    assert look(stage, "welcome/step-1").subject == "welcome step-1"
    assert look(stage, "welcome/1").subject == "welcome step-2"


def test_a_step_that_does_not_exist(stage: Stage) -> None:
    for step_ref in ("welcome/4", "welcome/0", "welcome/nothing", "welcome/²", "-1"):
        with pytest.raises(UnknownStepError):
            look(stage, step_ref)

    with pytest.raises(UnknownStepError) as error:
        look(stage, "welcome/4")
    assert str(error.value) == (
        "series 'welcome' has no step '4'; it has: 1 step-1, 2 step-2, 3 step-3"
    )


def test_a_series_that_does_not_exist(stage: Stage) -> None:
    with pytest.raises(UnknownSeriesError):
        look(stage, "welcom/1")


def test_a_step_of_an_unnamed_series_among_two(stage: Stage) -> None:
    stage.add_series(stage.add_list("other"), slug="second")

    with pytest.raises(SeriesNotNamedError) as error:
        look(stage, "1")

    assert str(error.value) == (
        "cannot tell which series step '1' is of; write it like 'welcome/1'; "
        "known series: welcome, second"
    )


def test_a_step_where_there_is_no_series(
    sqlite_database: Database, site: Site, now: datetime
) -> None:
    with pytest.raises(SeriesNotNamedError) as error:
        look(Stage(sqlite_database, site, Clock(now)), "1")

    assert str(error.value) == (
        "cannot tell which series step '1' is of; import a series with 'steadypost series import'"
    )


def test_a_step_without_a_text(stage: Stage) -> None:
    with stage.database.transaction() as session:
        session.scalars(select(Step).where(Step.key == "step-1")).one().revision_id = None

    with pytest.raises(StepWithoutTextError) as error:
        look(stage, "1")

    assert str(error.value) == (
        "step 'welcome/step-1' has no published text; import the series again"
    )


def test_a_reader_nobody_knows(stage: Stage) -> None:
    with pytest.raises(UnknownReaderError) as error:
        look(stage, "1", "nobody@example.org")

    assert str(error.value) == (
        "nobody has the address nobody@example.org; add them first, "
        "or look at it as the sample reader"
    )


def test_a_text_that_cannot_be_rendered_says_where(stage: Stage) -> None:
    with stage.database.transaction() as session:
        step = session.scalars(select(Step).where(Step.key == "step-1")).one()
        stage.publish(session, step, "---\nsubject: One\n---\n{{ subscriber.town }}")

    with pytest.raises(TemplateError, match="line 4"):
        look(stage, "1")
