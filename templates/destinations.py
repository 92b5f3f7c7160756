"""Where the numbered links of a document lead: the only places a click may be sent on to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from templates.clicks import Clicks
from templates.compiling import write_page
from templates.context import plain_mapping
from templates.document import parse_document


def addresses_of(document: str, clinic: Mapping[str, Any]) -> tuple[str, ...]:
    """Give where the links of a document lead, by number; the first is number 1.

    Raises:
        TemplateError: the document is at fault.
    """
    return _addresses(document, tuple(_plain_facts(clinic)))


def _plain_facts(clinic: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    facts = plain_mapping(clinic, "clinic")
    return ((name, value) for name, value in facts.items() if isinstance(value, str))


@lru_cache(maxsize=64)  # a newsletter's first hour is many clicks on few documents
def _addresses(document: str, facts: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    clicks = Clicks(dict(facts))
    write_page(parse_document(document), clicks)
    return tuple(clicks.addresses)
