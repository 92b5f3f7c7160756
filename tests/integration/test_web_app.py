"""What every page has: headers, error pages, assets, health; and no cookie anywhere."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest
from psycopg.errors import DeadlockDetected, SerializationFailure

from campaigns.site import Site
from steadypost.migrating import known_version
from storage.database import Database, Session
from subscribers.rules.standing import Standing
from tests.sending_stage import Clock, RefusingDatabase
from tests.web_stage import WebStage
from web.assets import load_assets


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    return WebStage(sqlite_database, site, Clock(now))


def every_page(stage: WebStage) -> list[str]:
    stage.join()
    return [
        "/signup",
        "/signup/weekly",
        "/signup/weekly/inbox",
        "/signup/weekly/sample",
        "/privacy",
        "/preview",
        "/preview/finished",
        stage.confirm_path(),
        stage.leave_path(),
        stage.choose_path(),
        "/nowhere",
        "/m/forged",
        "/healthz",
        "/schema/openapi.json",
        *(asset.path for asset in load_assets().values()),
    ]


def test_every_answer_carries_the_headers_and_no_cookie(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        for path in every_page(stage):
            answer = visitor.get(path)
            headers = answer.headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "frame-ancestors" in policy, path
            if not path.endswith("/sample"):
                assert "frame-ancestors 'none'" in policy, path
                assert "unsafe" not in policy, path
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path
            assert "set-cookie" not in headers, path
            is_asset = path.startswith("/static/")
            assert ("immutable" in headers["cache-control"]) == is_asset, path
            assert ("no-store" in headers["cache-control"]) != is_asset, path


def test_pages_with_tokens_and_errors_are_kept_from_search_engines(stage: WebStage) -> None:
    open_to_all = {"/signup", "/signup/weekly", "/privacy"}
    with stage.visitor() as visitor:
        for path in every_page(stage):
            if visitor.get(path).headers["content-type"].startswith("text/html"):
                is_hidden = "noindex" in visitor.get(path).headers.get("x-robots-tag", "")
                assert is_hidden == (path not in open_to_all), path


def test_pages_have_no_inline_style_or_script_and_ask_nobody_else(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        for path in every_page(stage):
            page = visitor.get(path).text
            if path.endswith("/sample") or "<html" not in page:
                continue
            assert " style=" not in page, path
            assert "<style" not in page, path
            assert not re.search(r"<script(?! src=)", page), path
            assert not re.search(r" on[a-z]+=", page), path
            assert not re.search(r'(?:src|action)="(?:https?:)?//', page), path


def test_titles_and_addresses_carry_no_health_words(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        for path in every_page(stage):
            title = "".join(re.findall("<title>(.*?)</title>", visitor.get(path).text, re.DOTALL))
            if not path.endswith("/sample"):
                assert not re.search("massage|pain|deep|tissue|therapy", f"{path} {title}", re.I)


def test_the_style_sheet_stays_within_twelve_kilobytes_and_pages_are_light(
    stage: WebStage,
) -> None:
    assert len(load_assets()["style.css"].content) <= 12_288
    assert len(load_assets()["zone.js"].content) <= 2_048
    with stage.visitor() as visitor:
        page = visitor.get("/signup/weekly").content

    weight = sum(len(gzip.compress(each.content)) for each in load_assets().values())
    assert len(gzip.compress(page)) + weight <= 15_360


def test_the_bare_address_leads_to_the_sign_up(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        answer = visitor.client.request("GET", "/", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/signup")


def test_an_asset_under_an_old_name_is_not_found(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        assert visitor.get("/static/style.css").status_code == 404
        assert visitor.get("/static/style-000000000000.css").status_code == 404
        assert visitor.get("/static/..%2fapp.py").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nowhere", 404, "We cannot find that page"),
        ("GET", "/signup/weekly/x/y", 404, "We cannot find that page"),
        ("POST", "/privacy", 405, "That does not work here"),
        ("DELETE", "/signup/weekly", 405, "That does not work here"),
        ("BREW", "/signup/weekly", 405, "That does not work here"),
    ],
)
def test_errors_are_told_in_plain_words_and_the_same_look(
    stage: WebStage, method: str, path: str, status: int, words: str
) -> None:
    with stage.visitor() as visitor:
        page = visitor.client.request(method, path)

    assert page.status_code == status
    assert f"<h1>{words}</h1>" in page.text
    assert "/static/style-" in page.text
    assert 'href="/signup"' in page.text
    assert "mailto:desk@riverside.example" in page.text
    assert ("allow" in page.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/signup/weekly", "/u/x", "/p/x", "/u/x/reason"])
def test_a_body_that_is_too_large_is_refused(stage: WebStage, path: str) -> None:
    before = stage.rows()
    with stage.visitor() as visitor:
        known = visitor.post(path, {"email": "x" * 40_000})

        def pieces() -> Iterator[bytes]:
            for _ in range(40):
                yield b"x" * 1_000

        unknown = visitor.client.post(path, content=pieces())

    assert known.status_code == unknown.status_code == 413
    assert "That is too much" in known.text
    assert stage.rows() == before


@dataclass(frozen=True)
class BrokenDatabase(Database):
    """Refuses every transaction, as a full disk or a stopped server does."""

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        raise OSError("disk full at /secret/place")
        yield

    reading = transaction


def test_our_own_fault_shows_nothing_of_the_inside_and_is_logged_without_the_token(
    stage: WebStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.join()
    path = stage.leave_path()
    with stage.visitor(broken=BrokenDatabase(stage.database.engine)) as visitor:
        page = visitor.get(path)

    assert page.status_code == 500
    assert "Something broke on our side" in page.text
    assert "disk" not in page.text
    assert "Traceback" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "page failed" in caplog.text
    assert path.removeprefix("/u/") not in caplog.text


def test_health_says_ok_with_the_schema_version(
    database: Database, site: Site, now: datetime
) -> None:
    stage = WebStage(database, site, Clock(now))
    with stage.visitor() as visitor:
        health = visitor.get("/healthz")

    assert health.status_code == 200
    assert health.json() == {"status": "ok", "schema_version": known_version()}


def test_health_says_when_the_database_does_not_answer(stage: WebStage) -> None:
    with stage.visitor(broken=BrokenDatabase(stage.database.engine)) as visitor:
        health = visitor.get("/healthz")

    assert health.status_code == 503
    assert health.json() == {"status": "database does not answer", "schema_version": None}
    assert "secret" not in health.text


def test_the_machine_readable_endpoint_is_described_and_nothing_else(stage: WebStage) -> None:
    with stage.visitor() as visitor:
        schema = json.loads(visitor.get("/schema/openapi.json").content)
        viewers = [visitor.get(f"/schema/{name}").status_code for name in ("swagger", "redoc")]

    assert list(schema["paths"]) == ["/healthz"]
    assert set(schema["paths"]["/healthz"]["get"]["responses"]) == {"200", "503"}
    assert viewers == [404, 404]


def leave_while(stage: WebStage, *failures: Exception) -> int:
    """Press the button while the first transactions fail; give the status of the answer."""
    stage.join()
    refused = frozenset(range(1, len(failures) + 1))
    broken = RefusingDatabase(stage.database.engine, refused, cause=failures[0])
    with stage.visitor(broken=broken) as visitor:
        return visitor.post(stage.leave_path()).status_code


@pytest.mark.parametrize("cause", [DeadlockDetected, SerializationFailure])
def test_what_gave_way_to_another_transaction_is_done_once_more(
    stage: WebStage, cause: type[Exception]
) -> None:
    assert leave_while(stage, cause()) == 200
    assert stage.subscription().standing is Standing.UNSUBSCRIBED


def test_what_gives_way_twice_is_told(stage: WebStage) -> None:
    assert leave_while(stage, DeadlockDetected(), DeadlockDetected()) == 500
    assert stage.subscription().standing is Standing.CONFIRMED


def test_another_failure_is_not_tried_again(stage: WebStage) -> None:
    assert leave_while(stage, Exception("disk full")) == 500
    assert stage.subscription().standing is Standing.CONFIRMED
