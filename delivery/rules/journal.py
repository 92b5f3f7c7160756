"""The lines of a journal of hand-overs, and what they prove after a crash.

A line is `checksum words…`. The checksum makes a damaged line known for what it is: it is named
and not trusted. The last line of a process that was killed may be torn; it counts as not written,
which is safe because a dot is noted before it can leave.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from zlib import crc32

from delivery.rules.stages import Stage
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain

VERSION = 1
LONGEST_REPLY = 200  # of a relay's words, as noted
_NOTHING = "-"
_PLAIN_WORD = re.compile(r"[!-,.-\[\]-~][!-\[\]-~]*")  # no space in it, and not `_NOTHING`
_PRINTABLE = re.compile(r"[ -\[\]-~]+")  # what stands for itself when it is written in ASCII
_WORD_OF = {Accepted: "accepted", Deferred: "deferred", Refused: "refused", RelayDown: "down"}
_STAGES = {stage.value: stage for stage in Stage}
DOUBTFUL = "the link or the worker was lost after the final dot; it may or may not have gone"
NEVER_BEGAN = "its worker ended before the final dot"


@dataclass(frozen=True)
class Heading:
    """The first line of a file: whose it is, and since which start of the machine."""

    site: str  # the site's random id, as in its database
    boot: str  # empty: unknown
    inode: int  # of the file itself: a copy has another one
    at: datetime


class Dot(NamedTuple):
    """A final dot that was about to be written."""

    delivery_id: int
    attempt: int
    person: str  # keyed fingerprint of the recipient
    once_key: str
    at: datetime  # to the second


class Answer(NamedTuple):
    """What came of a hand-over whose dot was noted."""

    delivery_id: int
    attempt: int
    outcome: Outcome


Entry = Heading | Dot | Answer


def write_line(entry: Entry) -> bytes:
    """Write one entry as it stands in the file, with its checksum and line end."""
    body = _body(entry).encode("ascii")
    return b"%08x %s\n" % (crc32(body), body)


def _body(entry: Entry) -> str:
    match entry:
        case Heading(site, boot, inode, at):
            return f"journal {VERSION} {_quote(site)} {_quote(boot)} {inode} {_seconds(at)}"
        case Dot(number, attempt, person, once_key, at):
            return f"dot {number} {attempt} {_quote(person)} {_quote(once_key)} {_seconds(at)}"
        case answer:
            word, numbers = _WORD_OF[type(answer.outcome)], f"{answer.delivery_id} {answer.attempt}"
            return f"{word} {numbers} {_reply_words(answer.outcome)}"


def _reply_words(outcome: Outcome) -> str:
    code, enhanced, stage = 0, "", ""
    if isinstance(outcome, Deferred | Refused):
        code, enhanced, stage = outcome.code, outcome.enhanced, outcome.stage
    said = _quote(outcome.reply[:LONGEST_REPLY])
    return f"{code} {_quote(enhanced)} {_quote(stage)} {_quote(outcome.relay)} {said}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _quote(text: str) -> str:
    """Write a text as one word of ASCII."""
    if _PLAIN_WORD.fullmatch(text):
        return text
    if _PRINTABLE.fullmatch(text) and text != _NOTHING:
        return text.replace(" ", "\\x20")
    plain = text.encode("unicode_escape").decode("ascii")
    return plain.replace(" ", "\\x20") or _NOTHING if text != _NOTHING else "\\x2d"


def _unquote(word: str) -> str:
    return "" if word == _NOTHING else word.encode("ascii").decode("unicode_escape")


@dataclass(frozen=True)
class Reading:
    """What a file says."""

    entries: tuple[Entry, ...]
    damaged: tuple[int, ...] = ()  # numbers of lines that are not what was written
    is_torn: bool = False  # the last line has no end: its writer was killed, or the disk full


def read_lines(content: bytes) -> Reading:
    """Read a file; damaged lines are numbered from 1 and left out."""
    *lines, rest = content.split(b"\n")
    entries, damaged = list[Entry](), list[int]()
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            damaged.append(number)
        else:
            entries.append(entry)
    return Reading(tuple(entries), tuple(damaged), is_torn=bool(rest))


def _entry(line: bytes) -> Entry | None:
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % crc32(body):
        return None
    word, *words = body.decode("ascii", "replace").split(" ")
    try:
        return _parsed(word, words)
    except (ValueError, KeyError, OverflowError, OSError):
        return None  # of a version we do not know


def _parsed(word: str, words: list[str]) -> Entry | None:
    if word == "journal":
        version, site, boot, inode, at = words
        if int(version) != VERSION:
            return None
        return Heading(_unquote(site), _unquote(boot), int(inode), _moment(at))
    if word == "dot":
        number, attempt, person, once_key, at = words
        return Dot(int(number), int(attempt), _unquote(person), _unquote(once_key), _moment(at))
    number, attempt, code, *texts = words
    enhanced, stage, relay, reply = map(_unquote, texts)
    outcome = _outcome(word, int(code), enhanced, stage, relay, reply)
    return Answer(int(number), int(attempt), outcome)


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _outcome(word: str, code: int, enhanced: str, stage: str, relay: str, reply: str) -> Outcome:
    match word:
        case "accepted":
            return Accepted(reply, relay)
        case "deferred":
            return Deferred(reply, relay, code, enhanced, _STAGES.get(stage, stage))
        case "refused":
            return Refused(reply, relay, code, enhanced, _STAGES.get(stage, stage))
        case "down":
            return RelayDown(reply, relay)
    raise KeyError(word)


@dataclass(frozen=True)
class Evidence:
    """What the journal of one worker proves about the hand-overs it had begun."""

    dots: dict[tuple[int, int], Dot] = field(default_factory=dict)  # by delivery id and attempt
    answers: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    is_whole: bool = False  # nothing is missing: what is not in it did not happen

    def outcome_of(self, delivery_id: int, attempt: int) -> Outcome:
        """Tell what became of a marked hand-over, as far as it is proved."""
        hand_over = (delivery_id, attempt)
        if hand_over in self.answers:
            return self.answers[hand_over]
        if hand_over in self.dots or not self.is_whole:
            return Uncertain(DOUBTFUL, relay="")
        return RelayDown(NEVER_BEGAN, relay="")


def gather_evidence(readings: Iterable[Reading], *, boot: str) -> Evidence:
    """Put together what the files of one worker prove.

    What is *not* in them counts only when no line is damaged and the machine has not been
    started anew since: a power cut takes what was written last. What is in them counts always.
    """
    entries: list[Entry] = []
    is_whole = bool(boot)
    for reading in readings:
        entries += reading.entries
        is_whole = is_whole and not reading.damaged
    headings = [entry for entry in entries if isinstance(entry, Heading)]
    return Evidence(
        dots={(dot.delivery_id, dot.attempt): dot for dot in entries if isinstance(dot, Dot)},
        answers={
            (answer.delivery_id, answer.attempt): answer.outcome
            for answer in entries
            if isinstance(answer, Answer)
        },
        is_whole=is_whole and bool(headings) and all(head.boot == boot for head in headings),
    )
