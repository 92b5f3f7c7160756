"""What the demo shows in a terminal: the weeks going by, then who got what when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from steadypost.demo.invariants import local_day
from steadypost.demo.mailbox import Mailbox, ReceivedMail
from steadypost.demo.people import Client, Habit


@dataclass(frozen=True)
class Place:
    """A page to look at, with what is to be seen there."""

    what: str
    url: str


class Weeks:
    """A progress display: the demo's date, the mails so far, the parts still to come."""

    def __init__(self, console: Console, mailbox: Mailbox, *, expected_mails: int) -> None:
        self._console, self._mailbox, self._expected = console, mailbox, expected_mails
        self._progress = Progress(
            TextColumn("[bold]{task.fields[day]}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:.0f} of {task.total:.0f} emails of the series"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("weeks", total=expected_mails, day="")
        self._last_week: int | None = None

    def __enter__(self) -> Weeks:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, now: datetime, start: datetime) -> None:
        """Draw the moment; without a terminal, print one line for each week."""
        arrived = sum(1 for mail in self._mailbox.all() if mail.part)
        week = (now - start) // timedelta(days=7) + 1
        day = f"week {week}, {now:%a %d %b %Y}"
        self._progress.update(self._task, completed=arrived, day=day)
        if not self._console.is_terminal and week != self._last_week:
            self._console.print(f"{day}: {arrived} of {self._expected} emails of the series")
        self._last_week = week


def calendar_of(
    clients: Sequence[Client], mails: Sequence[ReceivedMail], *, parts: int, wide: bool
) -> Table:
    """Lay out who got which part on which of their own days."""
    table = Table(
        title="Who got what when (each in their own time zone)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("client", no_wrap=True)
    table.add_column("lives in", no_wrap=True)
    table.add_column("at", no_wrap=True)
    for part in range(1, parts + 1):
        table.add_column(f"part {part}" if wide else str(part), no_wrap=True)
    for client in clients:
        own = {mail.part: mail for mail in mails if mail.recipient == client.email and mail.part}
        table.add_row(*_row(client, own, parts=parts, wide=wide))
    return table


def _row(client: Client, own: dict[int, ReceivedMail], *, parts: int, wide: bool) -> list[str]:
    form = "%a %-d %b" if wide else "%-d %b"
    days = [
        local_day(own[part], client.zone).strftime(form) if part in own else "–"
        for part in range(1, parts + 1)
    ]
    city = client.zone.rpartition("/")[2].replace("_", " ")
    return [client.first_name, city, _usual_time(client, own), *days]


def _usual_time(client: Client, own: dict[int, ReceivedMail]) -> str:
    """Tell the local time of the second email: the first goes out at once."""
    mail = own.get(2)
    return f"{mail.at.astimezone(ZoneInfo(client.zone)):%H:%M}" if mail else ""


def remarks_on(clients: Sequence[Client]) -> list[str]:
    """Tell what those clients did who do not simply read."""
    return [
        f"{client.first_name} {client.habit.value}"
        for client in clients
        if client.habit is not Habit.READS
    ]
