"""Emails in the browser: the exact one that was sent, under a policy of its own."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from campaigns.models import Step
from campaigns.site import Site
from storage.database import Database
from tests.sending_stage import DOCUMENT, Clock
from tests.web_stage import WebStage


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have had the first email."""
    stage = WebStage(database, site, Clock(now))
    stage.join()
    stage.tick()
    return stage


def letter_path(stage: WebStage) -> str:
    with stage.visitor() as visitor:
        found = re.search(r'href="(/m/[a-z2-7]+)"', visitor.get(stage.choose_path()).text)
    assert found is not None
    return found[1]


def test_the_email_is_shown_as_it_was_sent(stage: WebStage) -> None:
    path = letter_path(stage)
    with stage.visitor() as visitor:
        before = visitor.get(path)
        with stage.database.transaction() as session:
            step = session.get_one(Step, 1)
            changed = DOCUMENT.format(subject="something else")
            stage.publish(session, step, changed, clinic={"name": "Another name"})
            session.merge(stage.person()).first_name = "Adelheid"
        after = visitor.get(path)

    assert "Hello Ada" in before.text
    assert "A line about welcome step-1" in before.text
    assert after.content == before.content


def test_the_email_can_run_send_and_load_nothing(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        shown = visitor.get(letter_path(stage))

    policy = shown.headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "img-src https: data:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox",
    ):
        assert part in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert shown.headers["x-robots-tag"] == "noindex, nofollow"
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"


def test_the_links_in_the_email_lead_to_pages_of_ours(stage: WebStage, site: Site) -> None:
    with stage.visitor() as visitor:
        shown = visitor.get(letter_path(stage)).text
        links = set(re.findall(rf'href="{site.public_url}(/[^"]+)"', shown))
        statuses = {link: visitor.get(link).status_code for link in links}

    assert stage.leave_path() in links
    assert stage.choose_path() in links
    assert set(statuses.values()) == {200}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(stage: WebStage, method: str) -> None:
    path, before = letter_path(stage), stage.rows()
    with stage.visitor() as visitor:
        visitor.client.request(method, path)

    assert stage.rows() == before
