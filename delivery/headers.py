"""Header lines from values, written by hand because the standard library's writer breaks them.

It puts long List-Unsubscribe URIs, internationalised domains and local parts into encoded
words, and on some versions loses the quotes of long names with commas. These encoders are held
against its *parser* instead. Lines are folded only at white space and end with CRLF.
"""

from __future__ import annotations

import base64
import re
import string
import unicodedata
from collections.abc import Callable, Iterator

from delivery.errors import HeaderInjectionError, UnusableHeaderError
from delivery.rules.addresses import wire_address

LINE_LENGTH = 76  # RFC 2047, 2: for every line that holds an encoded word
LONGEST_LINE = 998  # RFC 5322, 2.1.1
_ROOM = 75 - len("=?utf-8?q??=")  # for the text of one encoded word

# What ends a line for some reader (RFC 5322 or `str.splitlines`), every other control
# character, and halves of characters. Bidirectional and other invisible letters are text.
_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# Words that need no encoding: visible ASCII, and single spaces between them.
_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_TOKEN = re.compile(r"[!-~]+")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!#-;=?-~]+", re.I)  # no <, > or quotation mark
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


def refuse_control_characters(header: str, value: str) -> None:
    """Let no value begin another header.

    Raises:
        HeaderInjectionError: a line break, another control character or half a character.
    """
    if found := _FORBIDDEN.search(value):
        raise HeaderInjectionError(header, found[0], found.start())


def text_header(header: str, value: str) -> bytes:
    """Write a header of free text (Subject); it comes back from any parser as it was."""
    refuse_control_characters(header, value)
    if _PLAIN.fullmatch(value) and "=?" not in value:
        line = _folded(f"{header}:", value.split(" "))
        if max(map(len, line.split("\r\n"))) <= LINE_LENGTH:
            return f"{line}\r\n".encode()
    return f"{_folded(f'{header}:', _encoded_words(value, used=len(header) + 2))}\r\n".encode()


def address_header(header: str, address: str, *, name: str = "") -> bytes:
    """Write a header with exactly one address, with or without a name beside it.

    A local part outside ASCII stays as it is; such a message needs SMTPUTF8.

    Raises:
        HeaderInjectionError: the name holds a control character.
        UnusableAddressError: the address is malformed.
    """
    refuse_control_characters(header, name)
    wired = wire_address(address)
    if not name:
        return f"{header}: {wired}\r\n".encode()
    words = [*_phrase(name, used=len(header) + 2), f"<{wired}>"]
    return f"{_folded(f'{header}:', words)}\r\n".encode()


def token_header(header: str, value: str) -> bytes:
    """Write a header whose value is one word of visible ASCII (Feedback-ID, Auto-Submitted).

    Raises:
        UnusableHeaderError: it holds white space or other characters, or is too long.
    """
    return _line(header, value, _TOKEN, "only visible ASCII characters are allowed")


def message_id_header(value: str) -> bytes:
    """Write the Message-ID, angle brackets included.

    Raises:
        UnusableHeaderError: it is not of the form `<left@right>`.
    """
    return _line("Message-ID", value, _MESSAGE_ID, "it must look like <left@domain>")


def list_id_header(list_id: str, *, name: str = "") -> bytes:
    """Write the List-Id. A name outside ASCII is left out: no encoded word may stand here.

    Raises:
        HeaderInjectionError: the name holds a control character.
        UnusableHeaderError: the id is no dotted name.
    """
    refuse_control_characters("List-Id", name)
    if not _LIST_ID.fullmatch(list_id):
        raise UnusableHeaderError("List-Id", list_id, "it must look like list.domain")
    quoted = f"{_quoted(name)} " if _PLAIN.fullmatch(name) and "=?" not in name else ""
    line = f"List-Id: {quoted}<{list_id}>"
    if len(line) > LINE_LENGTH:
        line = f"List-Id: <{list_id}>"
    return f"{line}\r\n".encode()


def uris_header(header: str, uris: list[str]) -> bytes:
    """Write a header of URIs in angle brackets (List-Unsubscribe), folded between them only.

    Raises:
        UnusableHeaderError: one of them is no URI in ASCII, or is too long for a line.
    """
    for uri in uris:
        if not _URI.fullmatch(uri) or len(uri) > LONGEST_LINE - len(header) - 5:
            raise UnusableHeaderError(header, uri, "it must be a URI in ASCII that fits a line")
    between = ",\r\n "
    return f"{header}: {between.join(f'<{uri}>' for uri in uris)}\r\n".encode()


def _line(header: str, value: str, form: re.Pattern[str], why: str) -> bytes:
    refuse_control_characters(header, value)
    if not form.fullmatch(value):
        raise UnusableHeaderError(header, value, why)
    line = f"{header}: {value}"
    if len(line) > LONGEST_LINE:
        raise UnusableHeaderError(header, value, "it does not fit a line")
    return f"{line}\r\n".encode()


def _folded(line: str, words: list[str]) -> str:
    """Join words by spaces, with a line break before the space where a line is full."""
    lines = [line]
    for word in words:
        if len(lines[-1]) + 1 + len(word.encode()) > LINE_LENGTH and lines != [line]:
            lines.append(f" {word}")
        else:
            lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _phrase(name: str, *, used: int) -> list[str]:
    """Write a display name as atoms, as a quoted string, or as encoded words."""
    if "=?" not in name and len(name) <= _ROOM:
        if _ATOMS.fullmatch(name):
            return name.split(" ")
        if _PLAIN.fullmatch(name):
            return [_quoted(name)]
    return _encoded_words(name, used=used)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_words(text: str, *, used: int) -> list[str]:
    """Split a text into encoded words that each fit a line; `used` is taken on the first one."""
    code, encode = min(_ENCODINGS, key=lambda encoding: len(encoding[1](text)))
    first_room = min(_ROOM, LINE_LENGTH - used - len("=?utf-8?q??="))
    words, chunk, room = [], "", first_room
    for piece in _pieces(text, lambda piece: len(encode(piece)) <= first_room):
        if chunk and len(encode(chunk + piece)) > room:
            words.append(chunk)
            chunk, room = "", _ROOM
        chunk += piece
    return [f"=?utf-8?{code}?{encode(word)}?=" for word in [*words, chunk] if word]


def _encode_q(text: str) -> str:
    return "".join(_Q_OF_BYTE[byte] for byte in text.encode())


def _encode_b(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# RFC 2047, 5 (3): letters, digits and these stand for themselves wherever a word may stand.
_PLAIN_IN_WORD = frozenset(string.ascii_letters + string.digits + "!*+-/")
_Q_OF_BYTE = [chr(byte) if chr(byte) in _PLAIN_IN_WORD else f"={byte:02X}" for byte in range(256)]
_Q_OF_BYTE[0x20] = "_"
_ENCODINGS: list[tuple[str, Callable[[str], str]]] = [("q", _encode_q), ("b", _encode_b)]


def _pieces(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Cut a text where a reader sees one character end; inside only when one does not fit."""
    cluster = ""
    for character in text:
        if cluster and not (_clings(character, to=cluster) and fits(cluster + character)):
            yield cluster
            cluster = ""
        cluster += character
    yield cluster


def _clings(character: str, *, to: str) -> bool:
    """Tell whether a character only changes the look of the one before it (accents, emoji)."""
    if unicodedata.category(character) in ("Mn", "Mc", "Me") or _JOINER in (character, to[-1]):
        return True
    if _is_flag_letter(character):
        return len(to) == 1 and _is_flag_letter(to)
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


_JOINER = "\u200d"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
