"""Leaving by one click (RFC 8058), by the page, and coming back."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery import outbox
from delivery.rules.states import State
from storage.database import Database
from subscribers.consent import address_digest
from subscribers.models import ConsentRecord
from subscribers.rules.standing import ConsentKind, Standing, SuppressionReason
from subscribers.store import consent_records_of
from subscribers.suppression import suppress_address
from tests.sending_stage import Clock
from tests.web_stage import ADA, WebStage

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada be in the series, with its first email sent."""
    return joined(WebStage(database, site, Clock(now)))


@pytest.fixture
def lean_stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """Do the same where the kind of store does not matter."""
    return joined(WebStage(sqlite_database, site, Clock(now)))


def joined(stage: WebStage) -> WebStage:
    stage.join()
    stage.tick()
    return stage


def records_of(stage: WebStage) -> list[ConsentRecord]:
    with stage.database.reading() as session:
        return consent_records_of(session, address_digest(stage.site.keys, ADA))


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
    ],
    ids=["urlencoded", "multipart"],
)
def test_one_click_unsubscribes(stage: WebStage, body: dict[str, object]) -> None:
    with stage.visitor() as visitor:
        answer = visitor.client.post(stage.leave_path(), follow_redirects=False, **body)  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert stage.subscription().standing is Standing.UNSUBSCRIBED
    last = records_of(stage)[-1]
    assert last.kind is ConsentKind.UNSUBSCRIBED
    assert last.source == "one-click unsubscribe"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", ""),
        (b"", "application/x-www-form-urlencoded"),
        (b"list-unsubscribe=one-click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=utf-8"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"no boundary at all", "multipart/form-data"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"{", "application/json"),
        (b"&" * 9000, "application/x-www-form-urlencoded"),
    ],
)
def test_a_wish_to_leave_is_never_refused_for_its_form(
    lean_stage: WebStage, content: bytes, kind: str
) -> None:
    with lean_stage.visitor() as visitor:
        answer = visitor.client.post(
            lean_stage.leave_path(),
            content=content,
            headers={"content-type": kind, "sec-fetch-site": "cross-site"},
        )

    assert answer.status_code == 200
    assert lean_stage.subscription().standing is Standing.UNSUBSCRIBED


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_the_link_changes_nothing(stage: WebStage, method: str) -> None:
    before, path = stage.rows(), stage.leave_path()

    with stage.visitor() as visitor:
        for _ in range(3):
            answer = visitor.client.request(method, path)
            assert answer.status_code in (200, 204)
            assert "set-cookie" not in answer.headers

    assert stage.rows() == before


def test_again_is_harmless(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.client.post(stage.leave_path(), data=ONE_CLICK)
        before = stage.rows()
        stage.clock.move(minutes=1)

        for _ in range(3):
            assert visitor.client.post(stage.leave_path(), data=ONE_CLICK).status_code == 200

    assert stage.rows() == before


def test_many_clicks_are_never_refused(lean_stage: WebStage) -> None:
    lean_stage.with_limits(sign_ups_per_network=1)
    with lean_stage.visitor() as visitor:
        answers = [visitor.client.post(lean_stage.leave_path(), data=ONE_CLICK) for _ in range(60)]

    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("state", [State.QUEUED, State.CLAIMED])
def test_what_is_queued_or_claimed_is_cancelled_at_once(stage: WebStage, state: State) -> None:
    stage.clock.now = datetime.fromisoformat("2026-03-11T09:00:00Z")
    assert stage.queue() == 1
    if state is State.CLAIMED:
        with stage.database.transaction() as session:
            outbox.claim_batch(session, stage.worker, now=stage.clock.now, limit=10)
    assert state in stage.states().values()

    with stage.visitor() as visitor:
        visitor.client.post(stage.leave_path(), data=ONE_CLICK)

    assert list(stage.states().values()).count(State.CANCELLED) == 1
    assert stage.enrolment(1).status is EnrolmentStatus.LEFT
    sent = len(stage.mails_to())
    stage.live(days=30)
    assert len(stage.mails_to()) == sent


def test_the_page_has_one_button_and_offers_to_slow_down_beside_it(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.leave_path()).text

    assert page.count("<button") == 1
    assert 'name="List-Unsubscribe" value="One-Click"' in page
    assert f'href="{lean_stage.choose_path()}"' in page
    assert "are you sure" not in page.lower()
    assert "<script" not in page


def test_the_button_leaves_and_offers_undo_and_asks_why_afterwards(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.post(lean_stage.leave_path(), {**ONE_CLICK, "by": "page"})
        again = visitor.get(lean_stage.leave_path())

    assert "You are unsubscribed" in page.text
    assert "Undo" in page.text
    assert "Would you tell us why?" in page.text
    assert again.text == page.text
    assert records_of(lean_stage)[-1].source == "unsubscribe page"


def test_undo_within_a_day_goes_on_where_it_was(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.post(stage.leave_path(), ONE_CLICK)
        stage.tick()
        stage.clock.move(hours=23)
        page = visitor.post(f"{stage.leave_path()}/undo")

    assert page.url.path == stage.choose_path()
    assert "Good to have you back. Part 2 of 6 comes on Wednesday 11 March, 10:00." in page.text
    assert stage.subscription().standing is Standing.CONFIRMED
    stage.live(days=14)
    assert stage.mails_to()[-2:] == ["part 1", "part 2"]


def test_undo_twice_is_harmless(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        visitor.post(f"{lean_stage.leave_path()}/undo")
        before = lean_stage.rows()

        again = visitor.post(f"{lean_stage.leave_path()}/undo")

    assert "Good to have you back" in again.text
    assert lean_stage.rows() == before


def test_after_a_day_only_signing_up_again_helps(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        lean_stage.clock.move(hours=24, minutes=1)
        before = lean_stage.rows()

        page = visitor.post(f"{lean_stage.leave_path()}/undo")

    assert "You are unsubscribed" in page.text
    assert "Undo" not in page.text
    assert 'href="/signup/weekly"' in page.text
    assert lean_stage.rows() == before


def test_undo_does_not_revive_a_suppressed_address(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        with lean_stage.database.transaction() as session:
            suppress_address(session, ADA, SuppressionReason.COMPLAINT, now=lean_stage.clock.now)
        page = visitor.post(f"{lean_stage.leave_path()}/undo")

    assert "Undo" not in page.text
    assert lean_stage.subscription().standing is Standing.UNSUBSCRIBED


def test_somebody_who_never_confirmed_can_leave_but_not_undo(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        visitor.sign_up(email="ben@example.org")
        path = lean_stage.leave_path("ben@example.org")
        page = visitor.post(path, ONE_CLICK)
        visitor.post(f"{path}/undo")

    assert "Undo" not in page.text
    standing = lean_stage.subscription("ben@example.org").standing
    assert standing is Standing.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        ({"reason": "too many"}, "Too many emails"),
        (
            {"reason": "not asked", "words": "Who are you?"},
            "I did not sign up for this: Who are you?",
        ),
        ({"words": "two\r\nlines\x00"}, "two lines"),
        ({"words": "x" * 600}, "x" * 500),
        ({"reason": "<b>made up</b>", "words": "fine"}, "fine"),
    ],
)
def test_a_reason_is_kept_with_the_consent_records(
    lean_stage: WebStage, form: dict[str, str], kept: str
) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        page = visitor.post(f"{lean_stage.leave_path()}/reason", form)

    assert "Thank you for telling us." in page.text
    assert "You are unsubscribed" in page.text
    assert (records_of(lean_stage)[-1].source, records_of(lean_stage)[-1].wording) == (
        "reason for leaving",
        kept,
    )


def test_no_reason_and_no_leaving_leave_no_record(lean_stage: WebStage) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        visitor.post(f"{lean_stage.leave_path()}/reason", {"reason": "too many"})
        assert lean_stage.rows() == before
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        before = lean_stage.rows()
        visitor.post(f"{lean_stage.leave_path()}/reason", {"reason": "", "words": " "})

    assert lean_stage.rows() == before


@pytest.mark.parametrize("deed", ["undo", "reason"])
def test_another_sites_page_can_neither_undo_nor_give_reasons(
    lean_stage: WebStage, deed: str
) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), ONE_CLICK)
        before = lean_stage.rows()
        refused = visitor.post(
            f"{lean_stage.leave_path()}/{deed}",
            {"reason": "too many"},
            headers={"sec-fetch-site": "cross-site"},
        )

    assert refused.status_code == 403
    assert lean_stage.rows() == before
