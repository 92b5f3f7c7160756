"""What a rehearsal leaves to look at: a calendar, and every email as a file."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

from campaigns.errors import FolderInUseError
from steadypost.demo.people import Client, Habit
from steadypost.rehearsal.run import Rehearsal, RehearsedMail


def calendar_rows(rehearsal: Rehearsal) -> tuple[list[str], list[list[str]]]:
    """Lay out who got which part when, each on their own clock."""
    parts = range(1, len(rehearsal.stage.folder.steps) + 1)
    columns = ["reader", "lives in", *(f"part {part}" for part in parts)]
    if rehearsal.stage.folder.completion_email:
        parts = range(1, len(parts) + 2)
        columns.append("the end")
    rows = []
    for reader in rehearsal.stage.cast:
        own = {mail.part: mail for mail in rehearsal.of(reader)}
        city = reader.zone.rpartition("/")[2].replace("_", " ")
        rows.append([reader.first_name, city, *(_when(own.get(part)) for part in parts)])
    return columns, rows


def remarks(rehearsal: Rehearsal) -> list[str]:
    """Tell what happened beside reading: habits, the outage, closed days, clock changes."""
    stage, how = rehearsal.stage, rehearsal.stage.conditions
    zone = stage.parts.site.zone
    told = [
        f"{reader.first_name} {reader.habit.value}"
        for reader in stage.cast
        if reader.habit is not Habit.READS
    ]
    if how.outage:
        told.append(
            f"nothing worked from {how.outage.begins.astimezone(zone):%F %H:%M} to "
            f"{how.outage.ends.astimezone(zone):%F %H:%M}"
        )
    if how.closed_days:
        told.append(f"closed: {', '.join(f'{day}' for day in sorted(how.closed_days))}")
    for place in sorted({reader.zone for reader in stage.cast}):
        if _offset(how.start, place) != _offset(rehearsal.ended_at, place):
            told.append(f"the clocks change in {place.rpartition('/')[2].replace('_', ' ')}")
    return told


def as_rows(rehearsal: Rehearsal) -> list[dict[str, object]]:
    """Give every email as plain data."""
    return [
        {
            "reader": mail.reader.first_name,
            "address": mail.reader.email,
            "zone": mail.reader.zone,
            "at": mail.at,
            "local": _local(mail),
            "step": mail.step_key,
            "part": mail.part,
            "subject": str(_parsed(mail)["Subject"]),
        }
        for mail in rehearsal.mails
    ]


def write_mails(rehearsal: Rehearsal, folder: Path) -> int:
    """Write each email as it went (.eml), its page (.html) and its text (.txt); tell how many.

    Raises:
        FolderInUseError: something is there already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUseError(folder)
    for mail in rehearsal.mails:
        place = folder / _folder_name(mail.reader)
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{mail.part:02}-{mail.step_key}"
        message = _parsed(mail)
        file.with_suffix(".eml").write_bytes(mail.raw)
        file.with_suffix(".html").write_text(_body(message, "html"), "utf-8")
        file.with_suffix(".txt").write_text(_body(message, "plain"), "utf-8")
    return len(rehearsal.mails)


def _when(mail: RehearsedMail | None) -> str:
    return f"{_local(mail):%a %-d %b %H:%M}" if mail else "–"


def _local(mail: RehearsedMail) -> datetime:
    return mail.at.astimezone(ZoneInfo(mail.reader.zone))


def _offset(moment: datetime, zone: str) -> object:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


def _folder_name(reader: Client) -> str:
    return reader.email.partition("@")[0]


def _parsed(mail: RehearsedMail) -> EmailMessage:
    parsed = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)  # noqa: S101  (the policy says so)
    return parsed


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
