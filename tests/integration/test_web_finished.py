"""At the end of a series: what one has had, to read again, and what one can do now."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from campaigns.models import Enrolment, Step
from campaigns.site import Site
from storage.database import Database
from tests.sending_stage import Clock
from tests.web_stage import WebStage


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada be at the end of a series of six."""
    stage = WebStage(sqlite_database, site, Clock(now))
    stage.join()
    stage.live(days=45)
    return stage


def finished_path(stage: WebStage) -> str:
    return f"{stage.choose_path()}/finished"


def test_it_shows_all_parts_in_order_and_when(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        page = visitor.get(finished_path(stage)).text
        letters = re.findall(r'href="(/m/[a-z2-7]+)"', page)
        answers = [visitor.get(path).status_code for path in letters]

    assert "You have had all 6 parts, from Monday 2 March to Wednesday 8 April." in page
    assert answers == [200] * 6
    assert page.index("step-1") < page.index("step-6")
    assert "Start again from the first" in page


def test_the_choice_to_hear_of_new_parts_is_made_there(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        form = {"series": "1", "wants": "yes", "from": "finished"}
        page = visitor.post(f"{stage.choose_path()}/new-parts", form)

    assert str(page.url).endswith("/finished")
    assert "We will send you new parts, should there be any." in page.text
    assert stage.ask(lambda s: s.get_one(Enrolment, 1).hears_of_new) is True


def test_who_begins_again_is_shown_where_they_are_instead(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.choose_path(), {"change": "again", "series": "1"})
        page = visitor.get(finished_path(stage))

    assert "/finished" not in str(page.url)
    assert "Your first email" in page.text


def test_parts_one_never_had_are_not_claimed(stage: WebStage) -> None:
    with stage.database.transaction() as session:
        some = {"series_id": 1, "wait_days": 7, "published": True}
        session.add(Step(key="step-2b", position=2, revision_id=1, **some))
    with stage.visitor() as visitor:
        page = visitor.get(finished_path(stage)).text

    assert "You have had 6 of its 7 parts" in page


def test_it_offers_the_other_lists_and_an_appointment(stage: WebStage) -> None:
    stage.import_shipped_series()
    with stage.visitor() as visitor:
        page = visitor.get(finished_path(stage)).text

    assert 'href="/signup/letters"' in page
    assert 'href="/signup/weekly"' not in page
    assert ("Book an appointment" in page) == bool(stage.site.clinic.get("booking_url"))


def test_the_page_of_choices_leads_to_it(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        page = visitor.get(stage.choose_path()).text

    assert f'href="{finished_path(stage)}"' in page


def test_a_forged_link_shows_nothing(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        answer = visitor.client.get("/p/abcdefgh/finished")

    assert answer.status_code == 404
