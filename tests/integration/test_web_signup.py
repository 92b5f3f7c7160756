"""The sign-up page, with the real parts behind it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.site import Site
from storage.database import Database
from storage.signing import KeyRing
from subscribers.consent import address_digest
from subscribers.mailing_lists import ensure_list
from subscribers.models import ConsentRecord
from subscribers.rules.standing import ConsentKind, Standing
from subscribers.store import consent_records_of
from tests.sending_stage import Clock
from tests.web_stage import ADA, WISH, WebStage
from web.forms import seal


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    return WebStage(database, site, Clock(now))


@pytest.fixture
def lean_stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """What does not depend on the kind of store."""
    return WebStage(sqlite_database, site, Clock(now))


def records_of(stage: WebStage, email: str = ADA) -> list[ConsentRecord]:
    with stage.database.reading() as session:
        return consent_records_of(session, address_digest(stage.site.keys, email))


def test_the_form_says_what_how_often_and_how_long(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.get("/signup/weekly").text

    assert "<h1>Your weekly series</h1>" in page
    assert "6 emails, one a week, then it stops" in page
    assert 'href="https://riverside.example/privacy"' in page
    assert 'href="/signup/weekly/sample"' in page
    assert 'autocomplete="given-name"' in page
    assert 'autocomplete="email"' in page
    assert "checked" not in page
    assert '<option value="7">7:00</option>' in page
    assert '<option value="20">20:00</option>' in page
    assert '<option value="6">' in page
    assert '<option value="21">' not in page
    assert '<option value="9" selected>9:00</option>' in page
    assert '<option value="Europe/Berlin" selected>Berlin</option>' in page


def test_closed_weekdays_are_not_offered(lean_stage: WebStage) -> None:
    calendar = replace(lean_stage.site.calendar, closed_weekdays=frozenset({5, 6}))
    lean_stage.site = replace(lean_stage.site, calendar=calendar)

    with lean_stage.visitor() as visitor:
        page = visitor.get("/signup/weekly").text
        refused = visitor.sign_up(weekday="6")

    assert "Friday" in page
    assert "Saturday" not in page
    assert refused.status_code == 422


def test_a_wish_is_noted_with_the_words_agreed_to(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        answer = visitor.sign_up()

    assert answer.url.path == "/signup/weekly/inbox"
    assert "Please check your inbox" in answer.text
    person = stage.person()
    assert (person.first_name, person.weekday, person.hour) == ("Ada", 2, 10)
    assert person.time_zone == "Europe/Berlin"
    assert stage.subscription().standing is Standing.UNCONFIRMED
    (record,) = records_of(stage)
    assert record.kind is ConsentKind.ASKED
    assert record.network_address == "testclient"
    assert "6 emails, one a week, then it stops" in record.wording
    stage.tick()
    assert len(stage.mails_to()) == 1


@pytest.mark.usefixtures("cast")
def test_everybody_gets_the_same_answer_byte_for_byte(
    database: Database, site: Site, now: datetime
) -> None:
    stage = WebStage(database, site, Clock(now))
    answers = []
    for name in ("new", "ada", "ben", "cleo", "dan", "eve"):
        with stage.visitor() as visitor:
            sent = visitor.sign_up(email=f"{name}@example.org", follow=False)
            page = visitor.get(sent.headers["location"])
        answers.append((sent.status_code, dict(sent.headers), page.content, dict(page.headers)))

    assert answers[0][0] == 303
    assert all(answer == answers[0] for answer in answers)


def test_asking_twice_changes_nothing_more(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.sign_up()
        before = stage.rows()
        visitor.sign_up()

    assert stage.rows() == before


@pytest.mark.parametrize(
    ("wish", "field", "text"),
    [
        ({"email": ""}, "email", "Enter your email address"),
        ({"email": "ada"}, "email", "Enter a complete email address, like name@example.org"),
        ({"email": "a\r\nBcc: b@x.example"}, "email", "Enter a complete email address"),
        ({"first_name": "win at www.example"}, "first_name", "Enter just a name"),
        ({"first_name": "x" * 300}, "first_name", "Enter just a name"),
        ({"weekday": "7"}, "weekday", "Choose a day from the list"),
        ({"weekday": "Monday"}, "weekday", "Choose a day from the list"),
        ({"hour": "3"}, "hour", "Choose a time from the list"),
        ({"hour": "٩"}, "hour", "Choose a time from the list"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "Choose a time zone from the list"),
        ({"consent": ""}, "consent", "Tick the box if you want the emails"),
    ],
)
def test_an_error_is_told_on_top_and_at_its_field_and_what_was_typed_stays(
    lean_stage: WebStage, wish: dict[str, str], field: str, text: str
) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        page = visitor.sign_up(**wish)

    assert page.status_code == 422
    assert f'<a href="#{field}">{text}' in page.text
    assert f'id="{field}-error"' in page.text
    assert 'role="alert" tabindex="-1" autofocus' in page.text
    assert "<title>Please look again" in page.text
    if field not in ("email", "consent"):
        assert f'value="{ADA}"' in page.text
    assert "checked" not in page.text
    assert lean_stage.rows() == before


def test_typed_markup_is_shown_as_text(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.sign_up(first_name='"><script>x</script>', email="no", time_zone="<b>")

    assert "<script>x" not in page.text
    assert "&#34;&gt;&lt;script&gt;" in page.text
    assert 'value="<b>"' not in page.text


def test_a_day_left_open_stays_open(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.sign_up(weekday="", hour="")

    assert stage.person().weekday is None
    assert stage.person().hour is None


def test_an_old_name_of_a_zone_is_taken_and_kept(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.sign_up(time_zone="Asia/Calcutta", consent="")
        assert '<option value="Asia/Calcutta" selected>Calcutta</option>' in page.text
        visitor.sign_up(time_zone="Asia/Calcutta")

    assert lean_stage.person().time_zone == "Asia/Calcutta"


def test_whoever_fills_the_hidden_field_is_answered_alike_and_not_noted(
    lean_stage: WebStage,
) -> None:
    before = lean_stage.rows()

    with lean_stage.visitor() as visitor:
        person = visitor.sign_up(email="new@example.org")
        after = lean_stage.rows()
        program = visitor.sign_up(topic="cheap pills")

    assert program.content == person.content
    assert before != after
    assert lean_stage.rows() == after


def test_a_form_sent_at_once_is_shown_again(lean_stage: WebStage) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        hasty = visitor.sign_up(after=1)
        assert hasty.status_code == 422
        assert "That was quick!" in hasty.text
        assert f'value="{ADA}"' in hasty.text
        assert lean_stage.rows() == before

        assert visitor.sign_up(after=2).status_code == 200


@pytest.mark.parametrize("made_up", ["", "x", "0" * 52, "\x00", "é" * 52])
def test_a_form_without_our_seal_signs_nobody_up(lean_stage: WebStage, made_up: str) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        page = visitor.sign_up(seal=made_up)

    assert page.status_code == 403
    assert "press the button once more" in page.text
    assert f'value="{ADA}"' in page.text
    assert lean_stage.rows() == before


def test_a_form_left_open_for_days_is_shown_again(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        assert visitor.sign_up(after=25 * 3600).status_code == 403


def test_a_seal_of_another_site_is_worth_nothing(lean_stage: WebStage) -> None:
    strange = seal(KeyRing.from_text("77" * 32), "signup/weekly", now=lean_stage.clock.now)

    with lean_stage.visitor() as visitor:
        assert visitor.sign_up(seal=strange).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "http://[broken"},
    ],
)
def test_another_sites_page_signs_nobody_up_but_may_fill_in_the_form(
    lean_stage: WebStage, headers: dict[str, str]
) -> None:
    before = lean_stage.rows()
    with lean_stage.visitor() as visitor:
        ours = visitor.seal()
        lean_stage.clock.move(seconds=5)
        page = visitor.post("/signup/weekly", {"seal": ours, **WISH}, headers=headers)

    assert page.status_code == 403
    assert f'value="{ADA}"' in page.text
    assert lean_stage.rows() == before


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "none"}, {"sec-fetch-site": ""}])
def test_an_old_browser_and_a_typed_address_are_not_foreign(
    lean_stage: WebStage, headers: dict[str, str]
) -> None:
    with lean_stage.visitor() as visitor:
        ours = visitor.seal()
        lean_stage.clock.move(seconds=5)
        page = visitor.post("/signup/weekly", {"seal": ours, **WISH}, headers=headers)

    assert page.url.path == "/signup/weekly/inbox"


def test_one_network_signs_up_only_so_many(lean_stage: WebStage) -> None:
    lean_stage.with_limits(sign_ups_per_network=2)
    with lean_stage.visitor() as visitor:
        for name in ("a", "b"):
            assert visitor.sign_up(email=f"{name}@example.org").status_code == 200
        before = lean_stage.rows()

        refused = visitor.sign_up(email="c@example.org")

        assert refused.status_code == 429
        assert 1700 < int(refused.headers["retry-after"]) <= 1800
        assert "please try again in 30 minutes" in refused.text
        assert 'value="c@example.org"' in refused.text
        assert lean_stage.rows() == before
        lean_stage.clock.move(minutes=31)
        assert visitor.sign_up(email="c@example.org").status_code == 200


def test_a_form_with_errors_uses_up_no_try(lean_stage: WebStage) -> None:
    lean_stage.with_limits(sign_ups_per_network=1)
    with lean_stage.visitor() as visitor:
        for _ in range(3):
            assert visitor.sign_up(email="no").status_code == 422

        assert visitor.sign_up().status_code == 200


def test_one_address_is_asked_for_only_so_often_and_nobody_can_tell(
    lean_stage: WebStage,
) -> None:
    lean_stage.with_limits(sign_ups_per_address=1)
    with lean_stage.visitor() as visitor:
        first = visitor.sign_up()
        lean_stage.clock.move(days=1, minutes=-30)
        before = lean_stage.rows()
        pages = {visitor.sign_up(after=5).content for _ in range(3)}

    assert pages == {first.content}
    assert lean_stage.rows() == before


def test_the_sample_is_the_first_email_as_it_is_sent(lean_stage: WebStage) -> None:
    lean_stage.import_shipped_series()
    with lean_stage.visitor() as visitor:
        sample = visitor.get("/signup/letters/sample")
        dead_ends = [visitor.get("/preview"), visitor.get("/preview/finished")]

    assert "Deep is a place, not a force" in sample.text
    assert "Hello Ada," in sample.text
    assert "Part 1 of 6" in sample.text
    policy = sample.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert all("This is only a sample" in dead_end.text for dead_end in dead_ends)


@pytest.mark.parametrize(
    "slug", ["nothing", "x" * 65, "Weekly", "a%00b", "%2e%2e", "a%2fb", "wéekly"]
)
def test_a_list_that_is_not_there_is_not_found(stage: WebStage, slug: str) -> None:
    with stage.visitor() as visitor:
        for path in (f"/signup/{slug}", f"/signup/{slug}/inbox", f"/signup/{slug}/sample"):
            assert visitor.get(path).status_code == 404
        assert visitor.post(f"/signup/{slug}", WISH).status_code == 404


def test_a_list_without_a_series_can_be_signed_up_for(stage: WebStage) -> None:
    with stage.database.transaction() as session:
        ensure_list(session, "news", title="News", now=stage.clock.now)

    with stage.visitor() as visitor:
        page = visitor.get("/signup/news")
        assert visitor.get("/signup/news/sample").status_code == 404
        both = visitor.get("/signup").text

    assert "an email now and then" in page.text
    assert "iframe" not in page.text
    assert 'href="/signup/news"' in both
    assert 'href="/signup/weekly"' in both


def test_a_site_below_a_path_links_below_that_path(
    sqlite_database: Database, site: Site, now: datetime
) -> None:
    below = replace(site, public_url="https://riverside.example/post")
    stage = WebStage(sqlite_database, below, Clock(now))

    with stage.visitor() as visitor:
        page = visitor.get("/signup/weekly").text
        sent = visitor.sign_up(follow=False)

    assert 'action="/post/signup/weekly"' in page
    assert 'href="/post/static/style-' in page
    assert sent.headers["location"] == "/post/signup/weekly/inbox"


def test_a_clinic_without_a_privacy_notice_has_ours(
    sqlite_database: Database, site: Site, now: datetime
) -> None:
    clinic = {**site.clinic, "privacy_url": "", "website": "", "phone": ""}
    stage = WebStage(sqlite_database, replace(site, clinic=clinic), Clock(now))

    with stage.visitor() as visitor:
        assert 'href="/privacy"' in visitor.get("/signup/weekly").text
        notice = visitor.get("/privacy").text

    assert "Riverside Clinic is responsible for it" in notice
    assert "12 Mill Lane" in notice
    assert "desk@riverside.example" in notice


def test_the_clock_may_go_back_while_a_form_is_open(lean_stage: WebStage) -> None:
    with lean_stage.visitor() as visitor:
        page = visitor.sign_up(after=-timedelta(hours=2).total_seconds())

    assert page.status_code == 422


def test_the_form_for_a_clinics_own_website_fills_in_ours(lean_stage: WebStage) -> None:
    how_to = Path(__file__).parents[2] / "docs/how-to/put-the-form-on-your-website.md"
    fields = re.findall(r'name="(\w+)"', how_to.read_text())
    typed = {name: WISH[name] for name in fields}

    with lean_stage.visitor() as visitor:
        page = visitor.post("/signup/weekly", typed, headers={"sec-fetch-site": "cross-site"})

    assert fields == ["first_name", "email"]
    assert all(f'name="{name}"' in page.text for name in fields)
    assert all(f'value="{WISH[name]}"' in page.text for name in fields)
    assert "tick the box, and press the button once more" in page.text
