"""Compare what was promised with what lies in the mailbox, and with nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from steadypost.demo.mailbox import ReceivedMail
from steadypost.demo.people import Client, Habit

LEAST_DAYS_APART = 7


def broken_promises(
    clients: Iterable[Client], mails: Sequence[ReceivedMail], *, parts: int
) -> list[str]:
    """List every broken promise in plain words; an empty list is what we want.

    Read from the mails alone: each client has each part once, in order, at least 7 local
    days apart; who never confirmed got none; who left got none after; no message twice.
    """
    found = _repeated_messages(mails)
    for client in clients:
        own = [mail for mail in mails if mail.recipient == client.email and mail.part]
        found += [
            f"{client.first_name} ({client.email}): {what}" for what in _of(client, own, parts)
        ]
    return found


def _of(client: Client, own: Sequence[ReceivedMail], parts: int) -> list[str]:
    got = [mail.part for mail in own]
    expected = list(range(1, _expected_parts(client, parts) + 1))
    found = [] if got == expected else [f"got parts {got}, should have got {expected}"]
    days = [local_day(mail, client.zone) for mail in own]
    for earlier, later in pairwise(days):
        if (later - earlier).days < LEAST_DAYS_APART:
            found.append(f"got one on {earlier} and the next on {later}")
    return found


def _expected_parts(client: Client, parts: int) -> int:
    if client.habit is Habit.NEVER_CONFIRMS:
        return 0
    return min(3, parts) if client.habit is Habit.LEAVES else parts


def _repeated_messages(mails: Iterable[ReceivedMail]) -> list[str]:
    ids = Counter(str(mail.message["Message-ID"]) for mail in mails)
    return [f"message {name} came {count} times" for name, count in ids.items() if count > 1]


def local_day(mail: ReceivedMail, zone: str) -> date:
    """Tell the day the mail came on, where its reader lives."""
    return mail.at.astimezone(ZoneInfo(zone)).date()
