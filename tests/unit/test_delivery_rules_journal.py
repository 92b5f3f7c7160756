"""Property tests of the journal's format: what is written is read, and damage is known for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.rules.journal import (
    LONGEST_REPLY,
    Answer,
    Dot,
    Entry,
    Evidence,
    Heading,
    Reading,
    gather_evidence,
    read_lines,
    write_line,
)
from delivery.rules.stages import Stage
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TEXTS = st.text(max_size=40)
IDS = st.integers(0, 2**62)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
CODES = st.integers(0, 599)
STAGES = st.sampled_from(Stage)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Accepted, TEXTS, TEXTS),
    st.builds(Deferred, TEXTS, TEXTS, CODES, TEXTS, STAGES),
    st.builds(Refused, TEXTS, TEXTS, CODES, TEXTS, STAGES),
    st.builds(RelayDown, TEXTS, TEXTS),
)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Heading, TEXTS, TEXTS, IDS, MOMENTS),
    st.builds(Dot, IDS, IDS, TEXTS, TEXTS, MOMENTS),
    st.builds(Answer, IDS, IDS, OUTCOMES),
)


def written(entries: list[Entry]) -> bytes:
    return b"".join(map(write_line, entries))


@given(st.lists(ENTRIES, max_size=5))
def test_what_is_written_is_read(entries: list[Entry]) -> None:
    assert read_lines(written(entries)) == Reading(tuple(entries))


@pytest.mark.parametrize(
    "entry",
    [
        Heading("a site", "-", 5, AT),
        Dot(7, 2, "ada", "enrolment:1/step:2", AT),
        Answer(7, 2, Accepted("250 ok", "relay")),
        Answer(7, 2, Deferred("450 4.2.0 später", "relay", 450, "4.2.0", Stage.RCPT)),
        Answer(7, 2, Refused("550 5.1.1 no", "relay", 550, "5.1.1", Stage.DOT)),
        Answer(7, 2, RelayDown("", "")),
    ],
    ids=str,
)
def test_each_kind_of_line_is_read_as_it_was_written(entry: Entry) -> None:
    assert read_lines(write_line(entry)) == Reading((entry,))


def test_a_tear_and_a_changed_byte_are_known() -> None:
    first, second = written([DOT]), written([HEADING])

    assert read_lines(first + second[:-1]) == Reading((DOT,), is_torn=True)
    assert read_lines(first.replace(b"ada", b"eve") + second) == Reading((HEADING,), damaged=(1,))


@given(st.lists(ENTRIES, min_size=1, max_size=4), st.data())
def test_a_torn_file_is_read_up_to_the_tear(entries: list[Entry], data: st.DataObject) -> None:
    content = written(entries)
    torn = content[: data.draw(st.integers(0, len(content)))]

    reading = read_lines(torn)

    assert reading.entries == tuple(entries[: torn.count(b"\n")])
    assert reading.damaged == ()
    assert reading.is_torn == (not torn.endswith(b"\n") and torn != b"")


@given(st.lists(ENTRIES, min_size=1, max_size=4), st.data())
def test_a_changed_byte_is_never_believed(entries: list[Entry], data: st.DataObject) -> None:
    content = bytearray(written(entries))
    place = data.draw(st.integers(0, len(content) - 2))
    content[place] ^= data.draw(st.integers(1, 255))

    reading = read_lines(bytes(content))

    assert set(reading.entries) <= set(entries)
    assert reading.damaged or reading.is_torn


@given(st.binary(max_size=200))
def test_rubbish_is_named_line_by_line(content: bytes) -> None:
    reading = read_lines(content)

    assert reading.entries == ()
    assert reading.damaged == tuple(range(1, content.count(b"\n") + 1))


@pytest.mark.parametrize(
    "body", [b"dot 1", b"spoke 1 1 0 - - - -", b"journal 2 a b 5 5", b"dot x 1 a b 5", b""]
)
def test_a_line_of_an_unknown_kind_is_named(body: bytes) -> None:
    from zlib import crc32

    assert read_lines(b"%08x %s\n" % (crc32(body), body)).damaged == (1,)


def test_only_the_beginning_of_a_long_reply_is_noted() -> None:
    line = write_line(Answer(1, 1, Accepted("x" * 900, "relay")))

    (answer,) = read_lines(line).entries

    assert answer == Answer(1, 1, Accepted("x" * LONGEST_REPLY, "relay"))


HEADING = Heading("site", "boot", 5, AT)
DOT = Dot(7, 2, "ada", "enrolment:1/step:2", AT)
REFUSED = Refused("550 5.1.1 no", "relay", 550, "5.1.1", Stage.DOT)


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ([HEADING], RelayDown),
        ([HEADING, DOT], Uncertain),
        ([HEADING, DOT, Answer(7, 2, Accepted("250 ok", "relay"))], Accepted),
        ([HEADING, DOT, Answer(7, 2, REFUSED)], Refused),
        ([HEADING, Dot(7, 1, "ada", "x", AT)], RelayDown),  # an earlier attempt
        ([], Uncertain),  # a journal without a beginning
    ],
    ids=str,
)
def test_a_journal_tells_how_far_each_hand_over_came(
    entries: list[Any], outcome: type[Outcome]
) -> None:
    evidence = gather_evidence([Reading(tuple(entries))], boot="boot")

    assert isinstance(evidence.outcome_of(7, 2), outcome)


@pytest.mark.parametrize(
    ("reading", "boot"),
    [
        (Reading((HEADING,), damaged=(2,)), "boot"),
        (Reading((HEADING,)), "another boot"),
        (Reading((Heading("site", "", 5, AT),)), ""),
    ],
    ids=["damaged", "power cut", "boot unknown"],
)
def test_a_journal_with_a_gap_proves_no_absence(reading: Reading, boot: str) -> None:
    evidence = gather_evidence([reading], boot=boot)

    assert isinstance(evidence.outcome_of(7, 2), Uncertain)


def test_a_torn_last_line_makes_no_gap() -> None:
    """Its dot cannot have left: it is noted before it is written."""
    evidence = gather_evidence([Reading((HEADING,), is_torn=True)], boot="boot")

    assert isinstance(evidence.outcome_of(7, 2), RelayDown)


def test_no_journal_proves_nothing() -> None:
    assert isinstance(Evidence().outcome_of(7, 2), Uncertain)
