"""Links that go past the clinic's page: where they lead, what they note, what they never do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest

from campaigns.clicks import LinkCount, count_links
from campaigns.errors import UnknownCampaignError
from campaigns.models import Series, Step
from campaigns.site import Site
from delivery.clicks import CLICKED, clicks_on, has_opened_in_doubt, settle_opened
from delivery.models import Delivery
from delivery.rules.states import State
from delivery.store import deliveries_of_subscriber
from storage.database import Database
from subscribers.tokens import click_token, read_click_token, unsubscribe_token, view_token
from tests.sending_stage import Clock
from tests.web_stage import WebStage

DOCUMENT = """---
subject: Hello
---
Hello {{ subscriber.first_name }}, [read on](https://riverside.example/read?a=1&b=2) or
[write](mailto:desk@riverside.example), [leave]({{ links.unsubscribe }}) or
[https://riverside.example/shown](https://riverside.example/shown).

::: button {{ clinic.booking_url }}
Book
:::
"""
READ, SHOWN, BOOK = (
    "https://riverside.example/read?a=1&b=2",
    "https://riverside.example/shown",
    "https://riverside.example/book",
)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have had an email with links, while clicks are counted."""
    stage = WebStage(database, replace(site, counts_clicks=True), Clock(now))
    with stage.database.transaction() as session:
        stage.publish(session, session.get_one(Step, 1), DOCUMENT)
    stage.join()
    stage.tick()
    return stage


def delivery_of(stage: WebStage) -> Delivery:
    """Give the step Ada had; her confirmation went before it."""
    with stage.database.reading() as session:
        found = deliveries_of_subscriber(session, stage.person().id)
    return next(each for each in found if each.revision_id is not None)


def link(stage: WebStage, number: int) -> str:
    return f"/c/{click_token(stage.site.keys, delivery_of(stage))}{number}"


def clicked(stage: WebStage) -> list[int]:
    with stage.database.reading() as session:
        return sorted(clicks_on(session, delivery_of(stage).id))


def doubt(stage: WebStage) -> None:
    with stage.database.transaction() as session:
        session.get_one(Delivery, delivery_of(stage).id).state = State.UNCERTAIN


def test_links_of_the_email_go_past_the_page_and_those_for_the_reader_do_not(
    stage: WebStage,
) -> None:
    with stage.visitor() as visitor:
        page = visitor.get(f"/m/{view_token(stage.site.keys, delivery_of(stage))}").text

    base = stage.site.public_url
    links = re.findall(r'href="([^"]+)"', page)
    ours = [each.removeprefix(base) for each in links if each.startswith(f"{base}/c/")]
    assert ours == [link(stage, 1), link(stage, 3)]
    assert SHOWN in links
    assert "mailto:desk@riverside.example" in links
    assert any(each.startswith(f"{base}/u/") for each in links)
    assert any(each.startswith(f"{base}/p/") for each in links)


@pytest.mark.parametrize(("number", "address"), [(1, READ), (2, SHOWN), (3, BOOK)])
def test_a_click_is_sent_on_to_what_was_published_and_noted_once(
    stage: WebStage, number: int, address: str
) -> None:
    with stage.visitor() as visitor:
        answers = [visitor.get(link(stage, number), follow_redirects=False) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {302}
    assert {answer.headers["location"] for answer in answers} == {address}
    assert answers[0].headers["referrer-policy"] == "no-referrer"
    assert answers[0].headers["cache-control"] == "no-store"
    assert clicked(stage) == [number]


def test_a_click_shows_that_a_delivery_in_doubt_arrived(stage: WebStage) -> None:
    doubt(stage)

    with stage.visitor() as visitor:
        visitor.get(link(stage, 1), follow_redirects=False)

    found = delivery_of(stage)
    assert (found.state, found.reason) == (State.SENT, CLICKED)


def test_a_click_before_the_doubt_settles_it_too(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        visitor.get(link(stage, 1), follow_redirects=False)
    doubt(stage)

    with stage.database.transaction() as session:
        was_wanted = has_opened_in_doubt(session)
        settled = settle_opened(session, now=stage.clock())
        is_wanted = has_opened_in_doubt(session)

    assert (was_wanted, settled, is_wanted) == (True, 1, False)
    found = delivery_of(stage)
    assert (found.state, found.reason) == (State.SENT, CLICKED)


def test_doubt_without_a_click_stays(stage: WebStage) -> None:
    doubt(stage)

    with stage.database.transaction() as session:
        assert not has_opened_in_doubt(session)
        assert settle_opened(session, now=stage.clock()) == 0

    assert delivery_of(stage).state is State.UNCERTAIN


def test_people_who_opened_a_link_are_counted_once_for_each_link(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        for number in (1, 3, 3):
            visitor.get(link(stage, number), follow_redirects=False)

    with stage.database.reading() as session:
        name, key = session.get_one(Series, 1).slug, session.get_one(Step, 1).key
        counted = [
            each for each in count_links(session, name) if each.address in (READ, SHOWN, BOOK)
        ]
        with pytest.raises(UnknownCampaignError, match="no series or broadcast 'nothing' has an"):
            count_links(session, "nothing")

    assert [each for each in counted if each.email == key and each.sent] == [
        LinkCount(key, 1, READ, sent=1, people=1),
        LinkCount(key, 2, SHOWN, sent=1, people=0),
        LinkCount(key, 3, BOOK, sent=1, people=1),
    ]


def test_looking_without_opening_changes_nothing(stage: WebStage) -> None:
    doubt(stage)
    before = stage.rows()

    with stage.visitor() as visitor:
        answer = visitor.client.head(link(stage, 1), follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (302, READ)
    assert stage.rows() == before


def test_opening_every_link_as_a_scanner_does_only_notes_clicks(stage: WebStage) -> None:
    before = stage.rows()

    with stage.visitor() as visitor:
        for number in (1, 2, 3, 1):
            visitor.get(link(stage, number), follow_redirects=False)

    after = stage.rows()
    assert {name for name in after if after[name] != before[name]} == {"clicks"}
    assert len(after["clicks"]) == 3


def test_no_token_leads_anywhere_that_was_not_published(stage: WebStage) -> None:
    good = link(stage, 1)
    keys, delivery = stage.site.keys, delivery_of(stage)
    forged = [
        *(link(stage, 4), link(stage, 9999), good[:-1], f"{good[:-1]}0", f"{good[:-1]}01"),
        *(f"{good[:-2]}{'a' if good[-2] != 'a' else 'b'}1", f"{good}0000", f"{good}x", "/c/x"),
        f"/c/{view_token(keys, delivery)}1",
        f"/c/{unsubscribe_token(keys, stage.subscription())}1",
        f"/c/{click_token(keys, stage.person())}1",
    ]

    with stage.visitor() as visitor:
        for path in forged:
            answer = visitor.get(path, follow_redirects=False)
            assert answer.status_code == 404, path
            assert "location" not in answer.headers
    assert clicked(stage) == []


def test_the_links_of_a_mail_keep_leading_where_they_led(stage: WebStage) -> None:
    old = link(stage, 1)
    with stage.database.transaction() as session:
        other = DOCUMENT.replace("/read?a=1&b=2", "/other")
        stage.publish(session, session.get_one(Step, 1), other)
    stage.site = replace(stage.site, counts_clicks=False)

    with stage.visitor() as visitor:
        answer = visitor.get(old, follow_redirects=False)

    assert answer.headers["location"] == READ


def test_nobodys_click_is_noted_once_they_are_erased(stage: WebStage) -> None:
    path = link(stage, 1)
    with stage.database.transaction() as session:
        session.get_one(Delivery, delivery_of(stage).id).subscriber_id = None

    with stage.visitor() as visitor:
        answer = visitor.get(path, follow_redirects=False)

    assert answer.headers["location"] == READ
    assert stage.rows()["clicks"] == []


def test_without_the_setting_links_are_as_they_were_written(
    database: Database, site: Site, now: datetime
) -> None:
    stage = WebStage(database, site, Clock(now))
    with stage.database.transaction() as session:
        stage.publish(session, session.get_one(Step, 1), DOCUMENT)
    stage.join()
    stage.tick()

    with stage.visitor() as visitor:
        page = visitor.get(f"/m/{view_token(site.keys, delivery_of(stage))}").text

    assert "/c/" not in page
    assert READ.replace("&", "&amp;") in page


def test_a_click_token_is_for_its_purpose_and_has_one_number(site: Site, stage: WebStage) -> None:
    delivery = delivery_of(stage)
    token = click_token(site.keys, delivery)

    assert read_click_token(site.keys, f"{token}12") == (delivery.public_id, 12)
    assert read_click_token(site.keys, f"{token}012") is None
    assert read_click_token(site.keys, f"{token}\u0661") is None
