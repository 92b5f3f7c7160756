"""Keys that outlive the process, and the short signed texts made with them.

Used for links (confirm, preferences, unsubscribe, view) and for envelope senders. A signed
text is a public id and its MAC in lower-case base 32, so it survives being
upper-cased, quoted or put into the local part of an address.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from hashlib import _Hash

PUBLIC_ID_LENGTH = 26  # 130 random bits, 5 a letter
_DIGEST = 20  # bytes of a fingerprint
_BLOCK = 64  # bytes that SHA-256 takes in at a time
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS = (_ALPHABET * 8).encode()  # each random byte names a letter, all equally often


def new_public_id() -> str:
    """Make a random id of 130 bits in lower-case base 32: it reveals neither person nor order."""
    return secrets.token_bytes(PUBLIC_ID_LENGTH).translate(_LETTERS).decode("ascii")


def new_public_ids(count: int) -> list[str]:
    """Make random ids for people who come together, as neighbours in the index they go into.

    They share two random letters, of 120 bits more each has its own: wholly random ids would
    each change another page, and an import would write every page of the index many times over.
    """
    own, shared = PUBLIC_ID_LENGTH - 2, new_public_id()[:2]
    letters = secrets.token_bytes(own * count).translate(_LETTERS).decode("ascii")
    return [shared + letters[start : start + own] for start in range(0, own * count, own)]


@dataclass(frozen=True)
class KeyRing:
    """Secret keys, the newest first: the first one signs, all of them verify."""

    keys: tuple[bytes, ...]

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """Read a key file: one hexadecimal key of at least 32 bytes a line, the newest first.

        Raises:
            ValueError: no key, more than 32, a line that is not hexadecimal, or a short key.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        keys = tuple(bytes.fromhex(line) for line in lines)
        if not 1 <= len(keys) <= len(_ALPHABET) or any(len(key) < 32 for key in keys):
            raise ValueError("a key file holds 1 to 32 lines of at least 64 hexadecimal digits")
        return cls(keys)

    @staticmethod
    def new_key_text() -> str:
        """Make the content of a fresh key file."""
        return secrets.token_hex(32) + "\n"

    def sign(self, purpose: str, public_id: str, *, mac_bytes: int = 16) -> str:
        """Sign a public id for one purpose; the result works for no other purpose.

        A link gets 16 bytes of MAC (128 bits); an envelope sender, which must stay
        within a 64-character local part, may take fewer.
        """
        return public_id + self._seal(self.keys[0], purpose, public_id, mac_bytes)

    def verify(self, purpose: str, text: str, *, mac_bytes: int = 16) -> str | None:
        """Give back the public id of a text signed for this purpose by any key, else None."""
        text = text.lower()
        public_id, seal = text[:PUBLIC_ID_LENGTH], text[PUBLIC_ID_LENGTH:]
        if not text.isascii():
            return None
        for key in self.keys:
            if hmac.compare_digest(self._seal(key, purpose, public_id, mac_bytes), seal):
                return public_id
        return None

    def digest(self, purpose: str, text: str) -> str:
        """Make a keyed fingerprint of a text (for suppressing an address we no longer keep)."""
        return _base32(_mac(self.keys[-1], f"{purpose}\n{text}".encode())[:_DIGEST])

    def digests(self, purpose: str, texts: Iterable[str]) -> list[str]:
        """Make the fingerprints of many texts at once, in a third of the time."""
        key = self.keys[-1]
        raw = [_mac(key, f"{purpose}\n{text}".encode())[:_DIGEST] for text in texts]
        return _base32_each(raw, _DIGEST)

    @staticmethod
    @lru_cache(maxsize=16)  # a letter names the way out twice, in its text and in its headers
    def _seal(key: bytes, purpose: str, public_id: str, mac_bytes: int) -> str:
        return _base32(_mac(key, f"{purpose}\n{public_id}".encode())[:mac_bytes])


def _mac(key: bytes, message: bytes) -> bytes:
    """Compute HMAC-SHA-256 (RFC 2104) from states that have taken in the key already.

    A letter has half a dozen of them, and three quarters of each would be the key's.
    """
    inner, outer = _keyed(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> tuple[_Hash, _Hash]:
    block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    inner, outer = (sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    return inner, outer


_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]


def _base32(raw: bytes) -> str:
    """Write bytes in base 32, ten bits at a time: a letter has half a dozen of these texts."""
    bits = 8 * len(raw)
    letters = -(-bits // 5)
    pairs = -(-letters // 2)
    number = int.from_bytes(raw) << 10 * pairs - bits
    text = "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])
    return text[:letters]


# Five bytes are eight letters. Letter n of all groups is made at once: what it takes from the left
# byte and from the right one, as numbers below 32, and then their letters.
_CUTS = ((0, 3, 0), (0, -2, 6), (1, 1, 0), (1, -4, 4), (2, -1, 7), (3, 2, 0), (3, -3, 5), (4, 0, 0))


def _base32_each(raws: Sequence[bytes], width: int) -> list[str]:
    """Write texts of `width` bytes, a multiple of 5, in base 32, letter by letter for all."""
    whole = b"".join(raws)
    letters = bytearray(len(whole) // 5 * 8)
    for place, (byte, left, right) in enumerate(_CUTS):
        value = int.from_bytes(whole[byte::5].translate(_moved(left)))
        if right:
            value |= int.from_bytes(whole[byte + 1 :: 5].translate(_moved(right)))
        letters[place::8] = value.to_bytes(len(whole) // 5).translate(_LETTERS)
    text, each = letters.decode("ascii"), width // 5 * 8
    return [text[start : start + each] for start in range(0, len(text), each)]


@lru_cache(maxsize=16)
def _moved(by: int) -> bytes:
    """Make the table that moves a byte to the right (or left, below 0), and keeps five bits."""
    return bytes((value >> by if by >= 0 else value << -by) & 31 for value in range(256))
