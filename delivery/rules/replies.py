"""What a relay's refusal means: whose fault it is, and so who must be left alone.

Sources: RFC 5321 (reply codes), RFC 3463 and 5248 (enhanced codes), RFC 4954 (login), and the
words large providers put behind codes that say too little.
"""

from __future__ import annotations

import re
from enum import StrEnum

from delivery.rules.stages import OPENING, Stage


class ReplyClass(StrEnum):
    """Whom or what a refusal is about."""

    HARD = "hard"  # no such mailbox: suppress the address
    FULL = "mailbox full"  # this person, for now: try again for some days
    TOO_BIG = "too big"  # this message, for everybody
    CONTENT = "content"  # what the message says or looks like
    POLICY = "policy"  # us: reputation, authentication of the domain, block lists
    LOGIN = "login"  # our user name and password
    OUR_FAULT = "our fault"  # what we sent is against the protocol: a defect of this program
    RATE = "rate"  # too much at once: slow down
    GREYLIST = "greylist"  # come back later, on purpose
    TRANSIENT = "transient"  # a passing trouble of the relay or the network
    UNCLEAR = "unclear"  # refused for good, with nothing that tells why


# A refusal of these classes is repaired by nobody but staff; people are not to blame.
NEEDS_STAFF = frozenset(
    {
        ReplyClass.TOO_BIG,
        ReplyClass.CONTENT,
        ReplyClass.POLICY,
        ReplyClass.LOGIN,
        ReplyClass.OUR_FAULT,
    }
)

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")

# Subject and detail of an enhanced code for a refusal for good; the longest match counts.
_FOR_GOOD = {
    "0": ReplyClass.UNCLEAR,
    "1": ReplyClass.HARD,
    "1.7": ReplyClass.POLICY,  # the *sender's* address is refused
    "1.8": ReplyClass.POLICY,
    "2": ReplyClass.UNCLEAR,
    "2.2": ReplyClass.FULL,
    "2.3": ReplyClass.TOO_BIG,
    "3": ReplyClass.UNCLEAR,
    "3.4": ReplyClass.TOO_BIG,
    "4": ReplyClass.UNCLEAR,
    "5": ReplyClass.OUR_FAULT,
    "5.0": ReplyClass.UNCLEAR,  # some providers answer so for an unknown mailbox
    "6": ReplyClass.OUR_FAULT,
    "6.7": ReplyClass.UNCLEAR,  # RFC 6531: this relay takes no such address; another may
    "7": ReplyClass.POLICY,
    "7.8": ReplyClass.LOGIN,
    "7.9": ReplyClass.LOGIN,
    "7.11": ReplyClass.LOGIN,
    "7.13": ReplyClass.LOGIN,
    "7.14": ReplyClass.LOGIN,
    "7.17": ReplyClass.HARD,  # RFC 7293: the mailbox changed hands
}
_FOR_NOW = {"2.2": ReplyClass.FULL, "5.3": ReplyClass.RATE, "7": ReplyClass.RATE}

_LOGIN_CODES = frozenset({530, 534, 535, 538})
_SYNTAX_CODES = frozenset({500, 501, 502, 503, 504, 555})

_SAYS_GREYLIST = re.compile(r"gr[ea]y.?list", re.I)
_SAYS_LATER = re.compile(r"try again|come back|\blater\b|retry", re.I)
_SAYS_RATE = re.compile(r"too (many|much|fast)|\brate\b|throttl|quota exceeded", re.I)
_SAYS_FULL = re.compile(
    r"(mailbox|storage|inbox).{0,30}(full|exceeded|\bover\b)|over.?quota|mailbox quota", re.I
)
_SAYS_POLICY = re.compile(
    r"spam|block(ed|.?list)|black.?list|policy|reputation|\bspf\b|\bdkim\b|\bdmarc\b"
    r"|relay(ing)? (access )?(denied|not permitted)|unauthenticated|listed (at|by|in|on)\b",
    re.I,
)
_SAYS_UNKNOWN = re.compile(
    r"(user|mailbox|recipient|address|account|alias).{0,40}"
    r"(unknown|not found|not exist|n't exist|no longer|disabled|deactivated|inactive|invalid)"
    r"|(unknown|no such|invalid|nonexistent|inactive|disabled) "
    r"(local )?(user|mailbox|recipient|address|account|person)",
    re.I,
)


def enhanced_code(code: int, text: str) -> str:
    """Find the enhanced status code at the beginning of a reply's text; empty when none fits."""
    found = _ENHANCED.match(text)
    return found[0] if found and found[1] == str(code)[:1] else ""


def classify(code: int, *, enhanced: str, stage: str, text: str) -> ReplyClass:
    """Tell what a 4yz or 5yz reply is about; code 0 stands for a lost link."""
    if code in _LOGIN_CODES:
        return ReplyClass.LOGIN
    if code < 500:
        return _for_now(code, enhanced=enhanced, text=text)
    return _for_good(code, enhanced=enhanced, stage=stage, text=text)


def _for_now(code: int, *, enhanced: str, text: str) -> ReplyClass:
    if _is_greylisting(enhanced, text):
        return ReplyClass.GREYLIST
    if code in (421, 454):
        return ReplyClass.RATE
    found = _by_enhanced(_FOR_NOW, enhanced)
    if found is None and _SAYS_FULL.search(text):
        return ReplyClass.FULL
    if found is None and _SAYS_RATE.search(text):
        return ReplyClass.RATE
    return found or ReplyClass.TRANSIENT


def _is_greylisting(enhanced: str, text: str) -> bool:
    if _SAYS_GREYLIST.search(text):
        return True
    return enhanced in ("4.2.0", "4.7.1") and bool(_SAYS_LATER.search(text))


def _for_good(code: int, *, enhanced: str, stage: str, text: str) -> ReplyClass:
    found = _by_enhanced(_FOR_GOOD, enhanced)
    if found is ReplyClass.UNCLEAR:
        return _by_words(text) or ReplyClass.UNCLEAR
    return found or _by_words(text) or _by_stage(code, stage)


def _by_enhanced(classes: dict[str, ReplyClass], enhanced: str) -> ReplyClass | None:
    """Look up `5.7.26` as `7.26`, then as `7`: an unknown detail means its subject."""
    _, _, detail = enhanced.partition(".")
    subject, _, _ = detail.partition(".")
    return classes.get(detail) or classes.get(subject)


def _by_words(text: str) -> ReplyClass | None:
    """Read the words where no code helps; blame for us goes before blame for the person."""
    if _SAYS_FULL.search(text):
        return ReplyClass.FULL
    if _SAYS_POLICY.search(text):
        return ReplyClass.POLICY
    return ReplyClass.HARD if _SAYS_UNKNOWN.search(text) else None


def _by_stage(code: int, stage: str) -> ReplyClass:
    if code in _SYNTAX_CODES:
        return ReplyClass.OUR_FAULT
    if code == 552:
        return ReplyClass.FULL if stage == Stage.RCPT else ReplyClass.TOO_BIG
    if stage in OPENING or stage == Stage.MAIL:
        return ReplyClass.POLICY
    return ReplyClass.UNCLEAR if stage == Stage.RCPT else ReplyClass.CONTENT
