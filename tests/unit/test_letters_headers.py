"""The links inside a letter, and the headers around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.ledger import AnswerFacts, Membership, Person, StepFacts
from campaigns.letters import (
    Posting,
    answer_letter,
    answer_reader,
    reader_of,
    step_context,
    step_letter,
    step_links,
)
from campaigns.rules.guards import Pointer, SeriesView
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from campaigns.site import Site
from delivery.message import Letter
from delivery.rules.states import Kind
from subscribers.rules.standing import Pace, Standing
from subscribers.tokens import (
    read_confirm_token,
    read_preferences_token,
    read_unsubscribe_token,
    read_view_token,
)
from templates.email import RenderedEmail

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Person(
    id=7,
    public_id="a" * 26,
    email="ada@example.org",
    first_name="Ada",
    last_name="Lovelace",
    attributes={"city": "London", "first_name": "not this"},
    time_zone=None,
    hour=None,
    pace=Pace.AS_WRITTEN,
    paused_until=None,
)
WEEKLY = Membership(
    id=3,
    public_id="b" * 26,
    standing=Standing.CONFIRMED,
    asking=2,
    list_id=1,
    list_slug="weekly",
    list_title="Your weekly series",
)
STEP = StepFacts(
    person=ADA,
    membership=WEEKLY,
    queued_at=MONDAY,
    enrolment_id=88,
    enrolled_at=MONDAY,
    pointer=Pointer(EnrolmentStatus.ACTIVE, None, None),
    step_id=15,
    wait_days=7,
    revision_id=4,
    series_id=2,
    series_title="Six quiet weeks",
    send_hour=9,
    starts_at_once=True,
    view=SeriesView(SeriesStatus.ACTIVE, published=True, position=3, last_position=None),
    part=3,
    parts=6,
)
ANSWER = AnswerFacts(ADA, WEEKLY, asking=2)
POSTING = Posting("c" * 26, MONDAY, Kind.STEP)
EMAIL = RenderedEmail("Subject", "preheader", "<p>html</p>", "text")


def token_in(url: str, start: str) -> str:
    assert url.startswith(start)
    return url.removeprefix(start)


def test_the_links_of_a_step_are_signed_for_their_purposes(site: Site) -> None:
    links = step_links(WEEKLY, ADA, delivery=POSTING, site=site)

    assert sorted(links) == ["preferences", "unsubscribe", "view"]
    base, keys = "https://post.riverside.example", site.keys
    assert read_unsubscribe_token(keys, token_in(links["unsubscribe"], f"{base}/u/")) == "b" * 26
    assert read_preferences_token(keys, token_in(links["preferences"], f"{base}/p/")) == "a" * 26
    assert read_view_token(keys, token_in(links["view"], f"{base}/m/")) == "c" * 26


def test_a_confirmation_has_one_link_and_it_is_for_this_asking(site: Site) -> None:
    links = answer_reader(ANSWER, kind=Kind.CONFIRMATION, site=site).links

    assert list(links) == ["confirm"]
    token = token_in(links["confirm"], "https://post.riverside.example/confirm/")
    assert read_confirm_token(site.keys, token) == ("b" * 26, 2)


def test_a_notice_lets_its_reader_change_or_leave(site: Site) -> None:
    reader = answer_reader(ANSWER, kind=Kind.NOTICE, site=site)

    assert sorted(reader.links) == ["preferences", "unsubscribe"]
    assert reader.series == {"title": "Your weekly series"}
    assert reader.subscriber["first_name"] == "Ada"


def test_the_facts_kept_with_a_step_are_plain_and_hold_no_link() -> None:
    context = step_context(STEP, attribute_names=frozenset({"city", "shoe_size"}))

    assert context == {
        "subscriber": {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "city": "London",
            "shoe_size": "",
        },
        "series": {"title": "Six quiet weeks", "part": 3, "parts": 6},
    }
    assert reader_of(context, {"view": "x"}).links == {"view": "x"}


def test_a_step_can_be_left_by_link_mail_and_one_click(site: Site) -> None:
    letter = step_letter(EMAIL, STEP, POSTING, site=site)

    token = token_in(letter.unsubscribe_url, "https://post.riverside.example/u/")
    assert (
        letter.unsubscribe_mailto == f"mailto:leave@riverside.example?subject=unsubscribe-{token}"
    )
    assert letter.one_click
    assert letter.list_id == ("Your weekly series", "weekly.riverside.example")


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.NOTICE])
def test_an_answer_belongs_to_no_list_and_cannot_be_unsubscribed_by_a_header(
    site: Site, kind: Kind
) -> None:
    letter = answer_letter(EMAIL, ANSWER, POSTING._replace(kind=kind), site=site)

    assert letter.list_id is None
    assert not letter.one_click
    assert (letter.unsubscribe_url, letter.unsubscribe_mailto) == ("", "")
    assert letter.auto_submitted
    assert letter.feedback_id == f"weekly:answers:{kind}:riversideexampl"


def test_every_letter_is_from_the_clinic_to_the_one_reader(site: Site) -> None:
    def common(letter: Letter) -> dict[str, Any]:
        names = ("from_name", "from_address", "reply_to", "to_address", "subject", "text", "html")
        return {name: getattr(letter, name) for name in names}

    step = common(step_letter(EMAIL, STEP, POSTING, site=site))

    assert step == {
        "from_name": "Riverside Clinic",
        "from_address": "hello@riverside.example",
        "reply_to": "desk@riverside.example",
        "to_address": "ada@example.org",
        "subject": "Subject",
        "text": "text",
        "html": "<p>html</p>",
    }
    assert common(answer_letter(EMAIL, ANSWER, POSTING, site=site)) == step


def test_an_email_that_names_who_it_is_from_goes_out_under_that_name(site: Site) -> None:
    letter = step_letter(replace(EMAIL, from_name="Mara"), STEP, POSTING, site=site)

    assert (letter.from_name, letter.from_address) == ("Mara", "hello@riverside.example")


def test_the_same_delivery_has_the_same_id_and_date_for_ever(site: Site) -> None:
    one, two = (step_letter(EMAIL, STEP, POSTING, site=site) for _ in range(2))
    other = step_letter(EMAIL, STEP, POSTING._replace(public_id="d" * 26), site=site)

    assert (one.message_id, one.date) == (two.message_id, two.date) == (one.message_id, MONDAY)
    assert other.message_id != one.message_id


def test_the_stream_is_named_for_the_series_and_not_for_the_person(site: Site) -> None:
    mine = step_letter(EMAIL, STEP, POSTING, site=site).feedback_id
    grace = ADA._replace(id=8, public_id="e" * 26, email="grace@example.org")
    hers = step_letter(
        EMAIL, STEP._replace(person=grace, enrolment_id=89), POSTING, site=site
    ).feedback_id

    assert mine == hers == "weekly:series-2:step-15:riversideexampl"


@pytest.mark.parametrize(
    ("domain", "name"), [("a.b", "ab000"), ("mail.clinic.example", "mailclinicexamp")]
)
def test_the_senders_own_name_has_five_to_fifteen_characters(
    site: Site, domain: str, name: str
) -> None:
    site = replace(site, identity=replace(site.identity, mail_domain=domain))

    feedback_id = step_letter(EMAIL, STEP, POSTING, site=site).feedback_id

    assert feedback_id.rpartition(":")[2] == name
