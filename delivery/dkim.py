"""Sign messages by DKIM, so that receivers can tell they are from the clinic and unchanged.

RFC 6376, relaxed/relaxed, without `l=`; RSA of 2048 bits and more, Ed25519 (RFC 8463), or both.
Written straight on `cryptography`: dkimpy takes 25 times as long, and is the oracle of our tests.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from delivery.errors import DkimKeyError

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
FEWEST_BITS = 2048  # RFC 8301 has receivers refuse under 1024, and wants 2048
MOST_BITS = 4096  # receivers need not take more (RFC 8301, 3.2)
# Those a message has are signed; RFC 8058 asks for both headers of one-click unsubscribing.
SIGNED = (
    *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "auto-submitted"),
)
OVERSIGNED = ("from", "subject")  # named once more: one put beside it breaks the signature
_WHITE = re.compile(rb"[ \t]+")
_WHITE_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)
_LINE = 72  # of base 64 in the header


@dataclass(frozen=True)
class DkimKey:
    """One private key, and the name its public half has in the DNS."""

    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        """Name the algorithm as the header does."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def seal(self, signed: bytes) -> bytes:
        """Make the raw signature over what is signed."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(signed).digest())  # RFC 8463, 3

    def record(self) -> str:
        """Write what the DNS must say at `selector._domainkey.domain`."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            raw, kind = public.public_bytes(serialization.Encoding.DER, form), "rsa"
        else:
            plain = serialization.PublicFormat.Raw
            raw, kind = public.public_bytes(serialization.Encoding.Raw, plain), "ed25519"
        return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}"


@dataclass(frozen=True)
class DkimSigner:
    """Signs for one domain, with every key it has."""

    domain: str
    keys: tuple[DkimKey, ...]

    def signed(self, message: bytes, *, is_canonical: bool = False) -> bytes:
        """Give the message with its signatures on top.

        `is_canonical` says that its body is as `relaxed` would make it: not looked through.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        body_hash = _body_hash(body if is_canonical else relaxed_body(body))
        names, fields = _signed_fields(head + b"\r\n")
        headers = [self._header(key, names, fields, body_hash) for key in self.keys]
        return b"".join([*headers, message])

    def _header(self, key: DkimKey, names: str, fields: bytes, body_hash: str) -> bytes:
        start = (
            f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n"
            f" d={self.domain}; s={key.selector};\r\n"
            f" h={names};\r\n"
            f" bh={body_hash};\r\n"
            f" b="
        ).encode()
        seal = key.seal(fields + relaxed_field(start).removesuffix(b"\r\n"))
        text = base64.b64encode(seal).decode()
        lines = [text[cut : cut + _LINE] for cut in range(0, len(text), _LINE)]
        return start + "\r\n ".join(lines).encode() + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Write a body as receivers compare it (RFC 6376, 3.4.4)."""
    body = _WHITE.sub(b" ", _WHITE_AT_END.sub(b"", body))
    kept = body.rstrip(b"\r\n")
    return kept + b"\r\n" if kept else b""


@lru_cache(maxsize=256)  # what many messages share stays; what is personal passes through
def relaxed_field(field: bytes) -> bytes:
    """Write a header field as receivers compare it, with its line end (RFC 6376, 3.4.2)."""
    name, _, value = field.partition(b":")
    unfolded = _WHITE.sub(b" ", _FOLD.sub(b"", value)).strip()
    return name.rstrip().lower() + b":" + unfolded + b"\r\n"


def _body_hash(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _signed_fields(head: bytes) -> tuple[str, bytes]:
    """Give the names for `h=`, and what of the message's header is signed."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for field in _FIELD_END.split(head.removesuffix(b"\r\n")):
        found[field.partition(b":")[0].rstrip().lower().decode("ascii", "replace")].append(field)
    there = [name for name in SIGNED for _ in found[name]]
    fields = [field for name in SIGNED for field in reversed(found[name])]
    signed = b"".join(map(relaxed_field, fields))
    return ":\r\n  ".join(_in_lines((*there, *OVERSIGNED))), signed


@lru_cache(maxsize=64)
def _in_lines(names: tuple[str, ...]) -> tuple[str, ...]:
    """Join names by colons, a few on each line of the header."""
    return tuple(":".join(names[cut : cut + 5]) for cut in range(0, len(names), 5))


def new_rsa_key() -> str:
    """Make the text of a file with a new RSA key."""
    return _as_pem(generate_private_key(public_exponent=65537, key_size=FEWEST_BITS))


def new_ed25519_key() -> str:
    """Make the text of a file with a new Ed25519 key."""
    return _as_pem(Ed25519PrivateKey.generate())


def _as_pem(key: PrivateKey) -> str:
    coding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(coding, form, serialization.NoEncryption()).decode("ascii")


def read_dkim_keys(text: str, *, place: str, selector: str) -> tuple[DkimKey, ...]:
    """Read the private keys of a file: one, or an RSA and an Ed25519 one.

    Beside the selector for RSA, an Ed25519 key has its own: `-ed25519` is added.

    Raises:
        DkimKeyError: there is none, two of a kind, or one that no receiver should trust.
    """
    privates = [_read_key(block, place) for block in _PEM.findall(text.encode())]
    keys = tuple(DkimKey(selector_of(private, selector), private) for private in privates)
    if not keys:
        raise DkimKeyError(place, "it holds no private key (PEM)")
    if len({key.algorithm for key in keys}) < len(keys):
        raise DkimKeyError(place, "it holds two keys of one kind")
    return tuple(sorted(keys, key=lambda key: key.algorithm, reverse=True))  # RSA first


def selector_of(private: PrivateKey, selector: str) -> str:
    """Name the selector under which the public half of a key stands in the DNS."""
    return selector if isinstance(private, RSAPrivateKey) else f"{selector}-ed25519"


def _read_key(block: bytes, place: str) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(block, password=None)
    except TypeError as error:  # it is encrypted
        raise DkimKeyError(place, "it needs a password, which a service cannot type") from error
    except ValueError as error:
        raise DkimKeyError(place, "it is damaged, or no private key") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise DkimKeyError(place, "its key is neither RSA nor Ed25519")
    if not FEWEST_BITS <= key.key_size <= MOST_BITS:
        why = f"its RSA key has {key.key_size} bits, not {FEWEST_BITS} to {MOST_BITS}"
        raise DkimKeyError(place, why)
    return key


def record_strings(record: str) -> Iterator[str]:
    """Cut a record into strings of at most 255 characters, as the DNS has them (RFC 7208, 3.3)."""
    for start in range(0, len(record), 255):
        yield record[start : start + 255]
