"""One signed link to one's own choices; every change answers with the date it leads to."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from campaigns.site import Site
from storage.database import Database
from subscribers.consent import address_digest
from subscribers.mailing_lists import ensure_list
from subscribers.models import Subscriber
from subscribers.rules.standing import ConsentKind, Pace, Standing
from subscribers.signup import SignUp, add_confirmed
from subscribers.store import consent_records_of
from tests.conftest import Cast
from tests.sending_stage import Clock
from tests.web_stage import ADA, WebStage


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have had two of six: Wednesday 11 March, an hour after her second."""
    return two_parts_on(WebStage(database, site, Clock(now)))


@pytest.fixture
def lean_stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """Do the same where the kind of store does not matter."""
    return two_parts_on(WebStage(sqlite_database, site, Clock(now)))


def two_parts_on(stage: WebStage) -> WebStage:
    stage.join()
    stage.run_until(datetime.fromisoformat("2026-03-11T10:00:00Z"))
    assert stage.mails_to()[-1] == "part 2"
    return stage


def change(stage: WebStage, **form: str) -> str:
    """Send one form of the page; give the text of what comes back."""
    with stage.visitor() as visitor:
        page = visitor.post(stage.choose_path(), form)
    assert page.status_code == 200
    assert page.history[0].status_code == 303
    return page.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_the_link_changes_nothing(stage: WebStage, method: str) -> None:
    before = stage.rows()
    with stage.visitor() as visitor:
        answer = visitor.client.request(method, stage.choose_path())

    assert answer.status_code in (200, 204)
    assert stage.rows() == before


def test_the_page_says_where_one_is_and_offers_four_equal_choices(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.choose_path()).text

    assert "Hello Ada" in page
    assert "Part 3 of 6 comes on Wednesday 18 March, 10:00." in page
    assert page.count('class="tile"') == 4
    for words in ("Change day or time", "Pause", "Slow down", "Unsubscribe"):
        assert words in page
    assert page.count('class="done"') == 2
    assert page.count('class="next"') == 1
    assert '<option value="2" selected>Wednesday</option>' in page
    assert '<option value="10" selected>10:00</option>' in page


def test_past_emails_can_be_read_again(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.choose_path()).text

    first, second = page.index("welcome step-1"), page.index("welcome step-2")
    assert second < first
    assert "Wednesday 11 March" in page
    assert page.count('href="/m/') == 2


def test_a_new_day_and_hour_answers_with_the_next_date(stage: WebStage) -> None:
    page = change(stage, change="when", weekday="4", hour="18", time_zone="Europe/Berlin")

    assert "Saved: Fridays at 18:00. Part 3 of 6 comes on Friday 20 March, 18:00." in page
    assert '<option value="4" selected>Friday</option>' in page
    stage.run_until(datetime.fromisoformat("2026-03-20T16:59:00Z"))
    assert stage.mails_to()[-1] == "part 2"
    stage.run_until(datetime.fromisoformat("2026-03-20T17:01:00Z"))
    assert stage.mails_to()[-1] == "part 3"


def test_a_new_zone_moves_the_date_to_that_clock(lean_stage: WebStage) -> None:
    page = change(lean_stage, change="when", weekday="", hour="8", time_zone="America/New_York")

    assert "Saved: Any day is fine at 8:00. Part 3 of 6 comes on" in page
    assert ", 08:00." in page
    assert '<option value="America/New_York" selected>New York</option>' in page


@pytest.mark.parametrize(
    ("form", "until", "answer"),
    [
        ({"pause": "2"}, date(2026, 3, 25), "Wednesday 25 March"),
        ({"pause": "4"}, date(2026, 4, 8), "Wednesday 8 April"),
        ({"pause": "date", "until": "2026-05-02"}, date(2026, 5, 2), "Saturday 2 May"),
    ],
)
def test_a_pause_says_when_one_comes_back_and_with_what(
    lean_stage: WebStage, form: dict[str, str], until: date, answer: str
) -> None:
    page = change(lean_stage, change="pause", **form)

    assert f"Paused until {answer}. Part 3 of 6 comes on Wednesday" in page
    assert "Go on now" in page
    assert lean_stage.person().paused_until == until
    sent = len(lean_stage.mails_to())
    lean_stage.run_until(datetime.combine(until, datetime.min.time(), lean_stage.clock.now.tzinfo))
    assert len(lean_stage.mails_to()) == sent


def test_going_on_ends_a_pause(stage: WebStage) -> None:
    change(stage, change="pause", pause="4")
    page = change(stage, change="resume")

    assert "Welcome back. Part 3 of 6 comes on Wednesday 18 March, 10:00." in page
    assert "Go on now" not in page
    assert stage.person().paused_until is None


@pytest.mark.parametrize(
    ("pace", "answer"),
    [
        (Pace.TWO_WEEKS, "every two weeks. Part 3 of 6 comes on Wednesday 25 March, 10:00."),
        (Pace.MONTH, "once a month. Part 3 of 6 comes on Wednesday 8 April, 10:00."),
        (Pace.AS_WRITTEN, "own pace again. Part 3 of 6 comes on Wednesday 18 March, 10:00."),
    ],
)
def test_a_new_pace_answers_with_the_next_date(
    lean_stage: WebStage, pace: Pace, answer: str
) -> None:
    page = change(lean_stage, change="pace", pace=pace.value)

    assert answer in page
    assert lean_stage.person().pace is pace


def test_a_change_is_kept_with_the_consent_records(lean_stage: WebStage) -> None:
    change(lean_stage, change="pace", pace="month")

    with lean_stage.database.reading() as session:
        records = consent_records_of(session, address_digest(lean_stage.site.keys, ADA))
    assert records[-1].kind is ConsentKind.CHANGED_PREFERENCES
    assert records[-1].wording == "pace: as written to month"
    assert records[-1].source == "preference page"


def test_the_answer_still_speaks_the_truth_when_opened_later(lean_stage: WebStage) -> None:
    change(lean_stage, change="pause", pause="2")
    lean_stage.clock.move(days=30)
    with lean_stage.visitor() as visitor:
        later = visitor.get(f"{lean_stage.choose_path()}?done=pause").text
        made_up = visitor.get(f"{lean_stage.choose_path()}?done=<b>you-won</b>").text

    assert "Paused until" not in later
    assert 'role="status"' not in later
    assert "you-won" not in made_up


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"change": "when", "weekday": "9"}, "weekday"),
        ({"change": "when", "hour": "23"}, "hour"),
        ({"change": "when", "time_zone": "Mars"}, "time_zone"),
        ({"change": "pause"}, "pause-2"),
        ({"change": "pause", "pause": "date"}, "until"),
        ({"change": "pause", "pause": "date", "until": "2026-03-11"}, "until"),
        ({"change": "pause", "pause": "date", "until": "2027-03-12"}, "until"),
        ({"change": "pause", "pause": "date", "until": "31.12.2026"}, "until"),
        ({"change": "pause", "pause": "date", "until": "9999-12-31"}, "until"),
        ({"change": "pace", "pace": "every hour"}, "pace-1"),
    ],
)
def test_what_nobody_can_choose_is_told_at_its_field(
    lean_stage: WebStage, form: dict[str, str], field: str
) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        page = visitor.post(lean_stage.choose_path(), form)

    assert page.status_code == 422
    assert f'<a href="#{field}">' in page.text
    assert f'id="{field}"' in page.text
    assert 'class="card panel open"' in page.text
    assert lean_stage.rows() == before


@pytest.mark.parametrize("form", [{}, {"change": ""}, {"change": "delete everything"}])
def test_what_no_form_of_ours_sends_is_refused(lean_stage: WebStage, form: dict[str, str]) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        assert visitor.post(lean_stage.choose_path(), form).status_code == 400

    assert lean_stage.rows() == before


def test_another_sites_page_cannot_change_anything(lean_stage: WebStage) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        refused = visitor.post(
            lean_stage.choose_path(),
            {"change": "pause", "pause": "4"},
            headers={"sec-fetch-site": "cross-site"},
        )

    assert refused.status_code == 403
    assert lean_stage.rows() == before


def test_the_page_still_works_after_leaving_and_offers_the_way_back(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        visitor.post(lean_stage.leave_path(), {"by": "page"})
        page = visitor.get(lean_stage.choose_path()).text

    assert "You have left this series." in page
    assert f'action="{lean_stage.leave_path()}/undo"' in page
    assert 'class="tile"' not in page


def test_somebody_who_has_had_everything_is_thanked(lean_stage: WebStage) -> None:
    lean_stage.live(days=60)
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.choose_path()).text

    assert lean_stage.mails_to()[-1] == "part 6"
    assert "You have had all of it. Thank you for reading!" in page
    assert page.count('class="done"') == 6


def test_who_is_on_two_lists_sees_both_and_can_leave_each(lean_stage: WebStage) -> None:
    sign_up = SignUp(email=ADA, list_slug="news", source="at the desk")
    keys, now = lean_stage.site.keys, lean_stage.clock.now
    with lean_stage.database.transaction() as session:
        ensure_list(session, "news", title="News", now=now)
        add_confirmed(session, sign_up, keys=keys, now=now)
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.choose_path()).text

    assert "You are subscribed. Nothing is planned at the moment." in page
    assert "Unsubscribe from News" in page
    assert "Unsubscribe from Your weekly series" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ben", "Not confirmed yet: press the button in the email we sent you."),
        ("cleo", "You have left this series."),
        ("dan", "We do not send to your address at the moment."),
    ],
)
def test_everybody_of_the_cast_is_told_where_they_stand(
    cast: Cast, database: Database, site: Site, now: datetime, name: str, words: str
) -> None:
    stage = WebStage(database, site, Clock(now))
    with stage.visitor() as visitor:
        page = visitor.get(stage.choose_path(f"{name}@example.org"))

    assert page.status_code == 200
    assert words in page.text


def test_an_hour_outside_todays_window_is_shown_as_the_nearest(lean_stage: WebStage) -> None:
    lean_stage.change(Subscriber, lean_stage.person().id, hour=23, time_zone="No/Where")
    with lean_stage.visitor() as visitor:
        page = visitor.get(lean_stage.choose_path()).text

    assert '<option value="20" selected>20:00</option>' in page
    assert '<option value="Europe/Berlin" selected>Berlin</option>' in page


# For one series alone


def test_skipping_the_next_one_answers_with_the_one_after_it(stage: WebStage) -> None:
    page = change(stage, change="skip", series="1")

    assert "Skipped. Part 4 of 6 comes on Wednesday 25 March, 10:00." in page
    stage.run_until(datetime.fromisoformat("2026-03-25T10:00:00Z"))
    assert stage.mails_to()[-1] == "part 4"


def test_the_next_one_comes_now_once_a_day(stage: WebStage) -> None:
    stage.clock.move(hours=1)  # today's has come
    assert "With pleasure. Part 3 of 6 comes on Thursday 12 March, 07:00." in change(
        stage, change="next", series="1"
    )

    stage.clock.move(days=3)
    assert "With pleasure. Part 3 of 6 is on its way." in change(stage, change="next", series="1")
    stage.tick()
    assert stage.mails_to()[-1] == "part 3"


def test_starting_again_begins_with_the_first(lean_stage: WebStage) -> None:
    lean_stage.clock.move(days=1)
    page = change(lean_stage, change="again", series="1")

    assert "You begin again with the first email. Your first email is on its way." in page
    lean_stage.tick()
    assert lean_stage.mails_to()[-1] == "part 1"
    assert "That is not possible at the moment." in change(lean_stage, change="again", series="1")


def test_leaving_one_series_ends_no_subscription(lean_stage: WebStage) -> None:
    page = change(lean_stage, change="leave", series="1")

    assert "You get no more emails of that series." in page
    assert "No more emails of this series will be sent to you." in page
    assert lean_stage.subscription().standing is Standing.CONFIRMED
    before = len(lean_stage.mails_to())
    lean_stage.live(days=60)
    assert len(lean_stage.mails_to()) == before


def test_leaving_one_series_is_kept_with_the_consent_records(lean_stage: WebStage) -> None:
    lean_stage.tick()
    change(lean_stage, change="leave", series="1")
    change(lean_stage, change="leave", series="1")  # and nothing more was done

    with lean_stage.database.reading() as session:
        records = consent_records_of(session, address_digest(lean_stage.site.keys, ADA))
    last, before = records[-1], records[-2]
    assert (last.kind, last.wording) == (ConsentKind.LEFT_SERIES, "no more of series 'welcome'")
    assert (last.source, before.kind) == ("preference page", ConsentKind.CONFIRMED)
    assert last.network_address


@pytest.mark.parametrize("series", ["2", "x", "", "-1", "9" * 40, "١"])
def test_nobody_chooses_for_a_series_they_are_not_in(lean_stage: WebStage, series: str) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        page = visitor.post(lean_stage.choose_path(), {"change": "skip", "series": series})

    assert page.status_code in (200, 400)
    assert lean_stage.rows() == before


def test_who_has_had_all_can_say_whether_they_want_more(lean_stage: WebStage) -> None:
    lean_stage.run_until(datetime.fromisoformat("2026-05-20T12:00:00Z"))
    path = lean_stage.choose_path()
    with lean_stage.visitor() as visitor:
        asked = visitor.get(path).text
        series = "1"
        yes = visitor.post(f"{path}/new-parts", data={"series": series, "wants": "yes"}).text
        no = visitor.post(f"{path}/new-parts", data={"series": series, "wants": "no"}).text
        refused = visitor.post(f"{path}/new-parts", data={"series": series, "wants": "?"})

    assert "Shall we send you new parts, should there be any?" in asked
    assert "We will send you new parts, should there be any." in yes
    assert "We will not send you new parts." in no
    assert refused.status_code == 400


def test_before_the_end_nobody_is_asked_about_more(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        path = lean_stage.choose_path()
        visitor.post(f"{path}/new-parts", data={"series": "1", "wants": "no"})
        page = visitor.get(path).text

    assert "new parts" not in page
