"""What templates see: plain values by name, and nothing that could act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from templates.email import Edition, Reader
from templates.errors import NotPlainValueError

# Facts a clinic may leave empty, and documents may ask for.
CLINIC_FIELDS: Final = (
    *("name", "postal_address", "website", "booking_url", "learn_more_url", "phone"),
    *("privacy_url", "sign_off", "accent", "language"),
)
SUBSCRIBER_FIELDS: Final = ("first_name", "last_name")
DEEPEST: Final = 5
_PLAINEST: Final = frozenset({str, int, bool, float, type(None)})  # exactly; no kind of them


def build_context(edition: Edition, reader: Reader) -> dict[str, Any]:
    """Put together the fields of an email for one reader.

    Raises:
        NotPlainValueError: a value is an object.
    """
    subscriber = dict.fromkeys((*SUBSCRIBER_FIELDS, *edition.attribute_names), "")
    clinic = dict.fromkeys(CLINIC_FIELDS, "")
    return {
        "subscriber": subscriber | plain_mapping(reader.subscriber, "subscriber"),
        "clinic": clinic | plain_mapping(edition.clinic, "clinic"),
        "series": plain_mapping(reader.series, "series"),
        "links": plain_mapping(reader.links, "links"),
    }


def plain_mapping(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Copy a mapping of plain values.

    Raises:
        NotPlainValueError: one of them is an object.
    """
    return {
        str(key): value if type(value) in _PLAINEST else plain(value, f"{path}.{key}")
        for key, value in values.items()
    }


def plain(value: Any, path: str, *, depth: int = 0) -> Any:
    """Copy a plain value; text loses any claim to be HTML already.

    Raises:
        NotPlainValueError: it is an object, or holds one, or holds itself.
    """
    if isinstance(value, str):
        return "".join(value)  # an exact str: Markup and the like would not be escaped
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < DEEPEST and isinstance(value, list | tuple):
        return [plain(item, f"{path}[{n}]", depth=depth + 1) for n, item in enumerate(value)]
    if depth < DEEPEST and isinstance(value, Mapping):
        return {
            str(key): item
            if type(item) in _PLAINEST
            else plain(item, f"{path}.{key}", depth=depth + 1)
            for key, item in value.items()
        }
    raise NotPlainValueError(path, type(value).__name__)
