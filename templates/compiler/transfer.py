"""Quoted-printable written piece by piece, so that pieces join without being looked at again.

Every piece begins at the first column and ends with a line break: a hard one where the text has
one, else a soft one. So the pieces of a rendering, known and open, are the transfer body when
they are joined (RFC 2045, 6.7). No line begins with a full stop or `From `, none ends in white
space, none is longer than 76: there is nothing to stuff, to wrap or to make canonical.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from markupsafe import Markup, escape

from templates.compiler.residual import ResidualEnvironment
from templates.email import EncodedEmail, RenderedEmail
from templates.sandbox import finish_value

LONGEST: Final = 75  # and the `=` of a soft break
_SHORT = re.compile(r"(?!.*  )[A-EG-Za-z0-9(&/:<\"'#+,;-][ -<>-~]{0,74}")
_PLAIN = re.compile(
    r"(?!.*  )[!-<>-~]([ -<>-~]*[!-<>-~])?"
)  # no escape, no white space at the ends
# One long word, a link mostly: it is cut where a line is full, if the next may begin like that.
_CUT = re.compile(r"[A-EG-Za-z0-9(&/:<\"'#+,;-][!-<>-~]{0,74}")
_WORD = re.compile(rf"(?:{_CUT.pattern.replace('{0,74}', '{74}')})*{_CUT.pattern}")
_UNITS: Final = tuple(
    chr(byte) if (33 <= byte <= 126 and byte != 61) or byte == 32 else f"={byte:02X}"
    for byte in range(256)
)
_AT_START: Final = {".": "=2E", "F": "=46"}
_AT_END: Final = {" ": "=20"}


def encoded_email(email: RenderedEmail) -> EncodedEmail:
    """Encode a whole email that was rendered as text."""
    html, text = (encoded(part).encode("ascii") for part in (email.html, email.text))
    return EncodedEmail(email.subject, email.preheader, html, text, email.from_name)


def encoded(text: str) -> str:
    """Encode a piece of a body."""
    if _SHORT.fullmatch(text):
        return f"{text}=\r\n"
    if _WORD.fullmatch(text):
        return "=\r\n".join(_CUT.findall(text)) + "=\r\n"
    *whole, rest = text.split("\n")
    lines = [_encoded_line(line, is_whole=True) for line in whole]
    return "".join(lines) + (_encoded_line(rest, is_whole=False) if rest else "")


def _encoded_line(line: str, *, is_whole: bool) -> str:
    if _WORD.fullmatch(line):
        return "=\r\n".join(_CUT.findall(line)) + ("\r\n" if is_whole else "=\r\n")
    if _PLAIN.fullmatch(line):
        cuts = [line[start : start + LONGEST] for start in range(0, len(line), LONGEST)]
        if all(_SHORT.match(cut) for cut in cuts):  # a link, mostly
            return "=\r\n".join(cuts) + ("\r\n" if is_whole else "=\r\n")
    return _escaped_line(line, is_whole=is_whole)


def _escaped_line(line: str, *, is_whole: bool) -> str:
    """Encode a line byte by byte."""
    units = [_UNITS[byte] for byte in line.encode()]
    if is_whole and units:
        units[-1] = _AT_END.get(units[-1], units[-1])
    lines, current = [], ""
    for unit in _apart(units):
        if len(current) + len(unit) > LONGEST:
            lines.append(current)
            current = ""
        current += unit if current else _AT_START.get(unit, unit)
    lines.append(current)
    return "=\r\n".join(lines) + ("\r\n" if is_whole else "=\r\n")


def _apart(units: list[str]) -> Iterator[str]:
    """Let no two spaces stand together: a relay may make one of them."""
    before = ""
    for unit in units:
        before = "=20" if unit == before == " " else unit
        yield before


class TransferEnvironment(ResidualEnvironment):
    """Writes every value encoded."""

    def __init__(self, *, autoescape: bool, **known: Any) -> None:
        super().__init__(autoescape=autoescape, **known)
        self.finalize = _encoded_html if autoescape else _encoded_text

    def sent(self, written: str) -> str:
        """Give a finished value as it goes over the wire."""
        return encoded(str(written))


def _encoded_html(value: Any) -> Markup:
    return Markup(encoded(str(escape(finish_value(value)))))  # noqa: S704 -- escaped


def _encoded_text(value: Any) -> str:
    return encoded(str(finish_value(value)))
