"""Write the people of a list into a CSV file that a spreadsheet, or our own import, can read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from sqlalchemy.orm import Session

from subscribers.mailing_lists import get_list
from subscribers.models import Subscriber
from subscribers.rules.cells import protect_cell
from subscribers.rules.preferences import WEEKDAYS
from subscribers.store import Circumstances, SubscriberFilter, circumstances_of, list_subscribers

PAGE_SIZE = 1000
COLUMNS = (
    *("email", "first_name", "last_name", "time_zone", "weekday", "hour", "pace", "paused_until"),
    *("tags", "standing", "suppressed"),
)


def export_subscribers(session: Session, file: TextIO, *, list_slug: str) -> int:
    """Write everybody on a list, whatever their standing; gives the number of people.

    Open a file with `newline=""`, and with the encoding `utf-8-sig` if Excel shall read it.

    Raises:
        UnknownListError: there is no such list.
    """
    get_list(session, list_slug)
    attribute_names = _attribute_names(session, list_slug)
    writer = csv.writer(file)
    writer.writerow([*COLUMNS, *attribute_names])
    count = 0
    for page in _pages(session, list_slug):
        circumstances = circumstances_of(session, page)
        for person in page:
            cells = _cells(person, circumstances[person.id], list_slug=list_slug)
            cells += [person.attributes.get(name) for name in attribute_names]
            writer.writerow([protect_cell(_text(cell)) for cell in cells])
        count += len(page)
    return count


def _attribute_names(session: Session, list_slug: str) -> list[str]:
    names = {
        name for page in _pages(session, list_slug) for each in page for name in each.attributes
    }
    return sorted(names)


def _pages(session: Session, list_slug: str) -> Iterator[list[Subscriber]]:
    filters = SubscriberFilter(list_slug=list_slug)
    last_id = 0
    while page := list_subscribers(session, filters, limit=PAGE_SIZE, after_id=last_id):
        last_id = page[-1].id
        yield page


def _cells(person: Subscriber, circumstances: Circumstances, *, list_slug: str) -> list[Any]:
    return [
        person.email,
        person.first_name,
        person.last_name,
        person.time_zone,
        None if person.weekday is None else WEEKDAYS[person.weekday],
        person.hour,
        person.pace,
        person.paused_until,
        ", ".join(circumstances.tags),
        circumstances.standings[list_slug],
        circumstances.suppression,
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
