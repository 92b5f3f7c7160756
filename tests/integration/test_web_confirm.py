"""The confirmation link: opening it changes nothing, one button confirms."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from campaigns.models import Series
from campaigns.rules.standing import FirstStep
from campaigns.site import Site
from storage.database import Database
from storage.signing import KeyRing
from subscribers.consent import address_digest
from subscribers.rules.standing import ConsentKind, Standing, SuppressionReason
from subscribers.store import consent_records_of
from subscribers.suppression import suppress_address
from subscribers.tokens import confirm_token, preferences_token, unsubscribe_token, view_token
from tests.sending_stage import Clock
from tests.web_stage import ADA, WebStage


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have asked for the list."""
    stage = WebStage(database, site, Clock(now))
    with stage.visitor() as visitor:
        visitor.sign_up()
    return stage


@pytest.fixture
def lean_stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """Do the same where the kind of store does not matter."""
    stage = WebStage(sqlite_database, site, Clock(now))
    with stage.visitor() as visitor:
        visitor.sign_up()
    return stage


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_the_link_changes_nothing(stage: WebStage, method: str) -> None:
    before, path = stage.rows(), stage.confirm_path()

    with stage.visitor() as visitor:
        for _ in range(3):
            assert visitor.client.request(method, path).status_code in (200, 204)

    assert stage.rows() == before


def test_the_page_has_one_button_and_says_what_it_starts(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.confirm_path()).text

    assert page.count("<button") == 1
    assert "Yes, send me the emails" in page
    assert "6 emails, one a week, then it stops" in page
    assert "<script" not in page


def test_the_button_confirms_and_the_first_email_is_on_its_way(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        page = visitor.post(stage.confirm_path())

    assert page.status_code == 200
    assert page.history[0].status_code == 303
    assert "You are in" in page.text
    assert "Your first email is on its way." in page.text
    assert stage.subscription().standing is Standing.CONFIRMED
    stage.tick()
    assert stage.mails_to()[-1] == "part 1"


def test_a_later_visit_says_where_one_is_and_when_the_next_comes(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.confirm_path())
        stage.tick()
        stage.clock.move(hours=1)
        page = visitor.get(stage.confirm_path())

    assert page.status_code == 200
    assert "You are in" in page.text
    assert "Part 2 of 6 comes on Wednesday 11 March, 10:00." in page.text
    assert f'href="{stage.choose_path()}"' in page.text


def test_a_series_that_begins_at_a_slot_names_its_date(lean_stage: WebStage) -> None:
    lean_stage.change(Series, 1, first_step=FirstStep.NEXT_SLOT)
    with lean_stage.visitor() as visitor:
        page = visitor.post(lean_stage.confirm_path())

    assert "Your first email comes on Wednesday 4 March, 10:00." in page.text


def test_pressing_twice_is_harmless(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.confirm_path())
        before = stage.rows()
        stage.clock.move(minutes=5)
        again = visitor.post(stage.confirm_path())

    assert "You are in" in again.text
    assert stage.rows() == before


def test_both_steps_stand_in_the_consent_records(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.confirm_path())

    with stage.database.reading() as session:
        records = consent_records_of(session, address_digest(stage.site.keys, ADA))
    assert [record.kind for record in records] == [ConsentKind.ASKED, ConsentKind.CONFIRMED]
    assert records[1].wording == "Yes, send me the emails"
    assert records[1].network_address == "testclient"


def test_another_sites_page_cannot_confirm(lean_stage: WebStage) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        refused = visitor.post(lean_stage.confirm_path(), headers={"sec-fetch-site": "cross-site"})

    assert refused.status_code == 403
    assert "nothing was changed" in refused.text
    assert lean_stage.rows() == before


def expire(stage: WebStage) -> None:
    stage.clock.move(days=7, minutes=1)


def ask_again(stage: WebStage) -> None:
    stage.clock.move(days=1)
    with stage.visitor() as visitor:
        visitor.sign_up()


def leave(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.leave_path())


def suppress(stage: WebStage) -> None:
    with stage.database.transaction() as session:
        suppress_address(session, ADA, SuppressionReason.COMPLAINT, now=stage.clock.now)


@pytest.mark.parametrize("happens", [expire, ask_again, leave, suppress])
def test_a_link_that_is_over_says_so_and_shows_the_way_out(
    lean_stage: WebStage, happens: object
) -> None:
    path = lean_stage.confirm_path()
    assert callable(happens)
    happens(lean_stage)
    before = lean_stage.rows()

    with lean_stage.visitor() as visitor:
        shown, pressed = visitor.get(path), visitor.post(path)

    assert shown.status_code == pressed.status_code == 410
    assert shown.content == pressed.content
    assert "This link does not work any more" in shown.text
    assert 'href="/signup/weekly"' in shown.text
    assert lean_stage.rows() == before


def test_every_forged_token_gets_the_same_answer(lean_stage: WebStage) -> None:
    keys, ada, person = lean_stage.site.keys, lean_stage.subscription(), lean_stage.person()
    strange = KeyRing.from_text("77" * 32)
    right = confirm_token(keys, ada)
    forged = [
        "x",
        "a" * 60,
        right[:-1],
        right + "a",
        "b" + right[1:],
        confirm_token(strange, ada),
        unsubscribe_token(keys, ada),
        preferences_token(keys, person),
        "%00",
        "%ff%fe",
        "../../etc/passwd".replace("/", "%2f"),
        "🎈",
    ]
    before = lean_stage.rows()

    with lean_stage.visitor() as visitor:
        answers = {
            (answer.status_code, answer.content)
            for token in forged
            for page in ("confirm", "u", "p", "m")
            if not (page == "u" and token == unsubscribe_token(keys, ada))
            if not (page == "p" and token == preferences_token(keys, person))
            for answer in (
                visitor.get(f"/{page}/{token}"),
                *([visitor.post(f"/{page}/{token}")] if page != "m" else []),
            )
        }

    assert len(answers) == 1
    status, content = answers.pop()
    assert status == 404
    assert b'href="/signup"' in content
    assert lean_stage.rows() == before


def test_a_delivery_that_never_was_is_not_found(lean_stage: WebStage) -> None:
    class Stranger:
        public_id = "a" * 26

    with lean_stage.visitor() as visitor:
        token = view_token(lean_stage.site.keys, Stranger())
        assert visitor.get(f"/m/{token}").status_code == 404


def test_links_of_an_erased_person_look_forged(lean_stage: WebStage) -> None:
    paths = [lean_stage.confirm_path(), lean_stage.leave_path(), lean_stage.choose_path()]
    with lean_stage.database.transaction() as session:
        session.delete(session.merge(lean_stage.subscription()))
        session.flush()
        session.delete(session.merge(lean_stage.person()))

    with lean_stage.visitor() as visitor:
        forged = visitor.get("/confirm/x")
        for path in paths:
            assert visitor.get(path).content == forged.content
            assert visitor.post(path, {"change": "resume"}).content == forged.content


def test_links_outlive_sixty_days_a_new_key_and_shouting(lean_stage: WebStage) -> None:
    paths = [lean_stage.leave_path(), lean_stage.choose_path()]
    lean_stage.clock.move(days=60)
    rotated = KeyRing((b"\x11" * 32, *lean_stage.site.keys.keys))
    lean_stage.site = replace(lean_stage.site, keys=rotated)

    with lean_stage.visitor() as visitor:
        for path in paths:
            assert visitor.get(path).status_code == 200
            assert visitor.get(path[:3] + path[3:].upper()).status_code == 200
