"""Whatever is sent to the pages, they answer and do not break."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.site import Site
from storage.database import Database
from tests.sending_stage import Clock
from tests.web_stage import WISH, Visitor, WebStage

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NASTY = st.sampled_from(
    [
        "",
        "\x00",
        "\r\nBcc: b@example.org",
        "{{ 7*7 }}",
        "{% for x in y %}",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "\u202e\u2066",
        "\u2028\u2029\x85",
        "\ufeff\ufffe\uffff",
        "a" * 20_000,
        "🏳️‍🌈" * 50,
        "ｆｕｌｌ",
        "٤",
        "-1",
        "1e9",
        "9" * 400,
        "Europe/../../etc/passwd",
        "=cmd|'/c calc'!A1",
    ]
)
WORDS = st.one_of(NASTY, st.text(max_size=60))
FIELDS = st.dictionaries(
    st.one_of(
        st.sampled_from(
            [*WISH, "seal", "topic", "change", "pause", "until", "pace", "reason", "words", "by"]
        ),
        st.text(max_size=12),
    ),
    WORDS,
    max_size=12,
)


@pytest.fixture
def visitor(sqlite_database: Database, site: Site, now: datetime) -> Iterator[Visitor]:
    """Open the pages once, with Ada in the series; what breaks a page is raised here."""
    stage = WebStage(sqlite_database, site, Clock(now))
    stage.join()
    stage.tick()
    stage.with_limits(sign_ups_per_network=1_000_000)
    with stage.visitor() as opened:
        yield opened


def paths_of(stage: WebStage) -> list[str]:
    leave = stage.leave_path()
    return [
        "/signup/weekly",
        stage.confirm_path(),
        stage.choose_path(),
        leave,
        f"{leave}/undo",
        f"{leave}/reason",
    ]


@FEW
@given(form=FIELDS)
def test_no_form_breaks_a_page(visitor: Visitor, form: dict[str, str]) -> None:
    for path in paths_of(visitor.stage):
        assert visitor.post(path, form).status_code < 500


@FEW
@given(wish=st.fixed_dictionaries({}, optional=dict.fromkeys(WISH, WORDS)))
def test_no_wish_breaks_the_sign_up(visitor: Visitor, wish: dict[str, str]) -> None:
    answer = visitor.sign_up(**wish)

    assert answer.status_code in (200, 413, 422)
    assert "<script>alert" not in answer.text


@FEW
@given(
    change=st.sampled_from(["when", "pause", "pace", "resume"]),
    form=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("weekday", "hour", "time_zone", "pause", "until", "pace"), WORDS),
    ),
)
def test_no_change_breaks_the_preferences(
    visitor: Visitor, change: str, form: dict[str, str]
) -> None:
    answer = visitor.post(visitor.stage.choose_path(), {"change": change, **form})

    assert answer.status_code in (200, 413, 422)
    assert visitor.get(visitor.stage.choose_path()).status_code == 200


@FEW
@given(
    content=st.binary(max_size=300),
    kind=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=",
            "multipart/form-data",
            "application/json",
            "text/plain; charset=no-such",
            "\u00ff/\u00ff",
            ";;;",
        ]
    ),
)
def test_no_body_breaks_a_page(visitor: Visitor, content: bytes, kind: str) -> None:
    headers = {"content-type": kind.encode("latin-1")}
    for path in paths_of(visitor.stage):
        assert visitor.client.post(path, content=content, headers=headers).status_code < 500


@FEW
@given(
    page=st.sampled_from(["signup", "confirm", "u", "p", "m", "static", "schema"]),
    rest=st.one_of(NASTY.map(lambda text: text[:200]), st.text(max_size=80)),
    query=WORDS.map(lambda text: text[:200]),
)
def test_no_address_breaks_a_page(visitor: Visitor, page: str, rest: str, query: str) -> None:
    address = f"/{page}/{_quoted(rest)}?done={_quoted(query)}&thanks={_quoted(query)}"

    assert visitor.get(address).status_code < 500
    assert visitor.post(address).status_code < 500


@FEW
@given(
    name=st.sampled_from(
        ["origin", "host", "sec-fetch-site", "content-length", "cookie", "accept"]
    ),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)
def test_no_header_breaks_a_page(visitor: Visitor, name: str, value: str) -> None:
    headers = {name: value.encode("latin-1")}
    for path in paths_of(visitor.stage)[:4]:
        answer = visitor.client.post(path, data={"by": "page"}, headers=headers)
        assert answer.status_code < 500


def test_a_name_with_controls_is_kept_as_one_plain_line(visitor: Visitor) -> None:
    visitor.sign_up(email="zoe@example.org", first_name="Zoë\r\nBcc: x\x00\u202e")

    assert visitor.stage.person("zoe@example.org").first_name == "Zoë Bcc: x"


def test_an_address_in_other_letters_is_taken(visitor: Visitor) -> None:
    visitor.sign_up(email="Zoë@BÜCHER.example")

    assert visitor.stage.person("zoë@bücher.example").first_name == "Ada"


def test_the_same_field_twice_counts_once(visitor: Visitor) -> None:
    seal = visitor.seal()
    visitor.stage.clock.move(seconds=5)
    body = urlencode([*WISH.items(), ("seal", seal), ("email", "last@example.org")])

    visitor.client.post(
        "/signup/weekly",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert visitor.stage.person("last@example.org")


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")
