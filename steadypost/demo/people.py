"""The invented clients: where they live, when they like their email, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Habit(StrEnum):
    """What a client does besides reading."""

    READS = "reads every email"
    NEVER_CONFIRMS = "never confirms"
    LEAVES = "unsubscribes after part 3"
    SLOWS_DOWN = "asks for every two weeks after part 2"
    PAUSES = "pauses two weeks after part 2"


@dataclass(frozen=True)
class Client:
    """One invented client. `arrives` is counted from the start of the demo."""

    first_name: str
    email: str
    zone: str
    weekday: int | None  # 0 Monday to 6 Sunday; None: no wish
    hour: int | None
    arrives: timedelta
    habit: Habit = Habit.READS


_FIRST_NAMES = (
    "Ada",
    "Bilal",
    "Chiara",
    "Dmitri",
    "Elif",
    "Farah",
    "Goran",
    "Hana",
    "Inés",
    "Jonas",
    "Kirra",
    "Leilani",
    "Mateo",
    "Ngaire",
    "Oluwaseun",
    "Paula",
    "Qiang",
    "Rosa",
    "Søren",
    "Tamsin",
    "Uma",
    "Viktor",
    "Wanjiru",
    "Ximena",
    "Yuki",
    "Zoë",
    "Aroha",
    "Bjørn",
    "Camille",
    "Divya",
    "Emeka",
    "Fiona",
    "Gabriel",
    "Hye-jin",
    "Ivan",
    "Jana",
)
_ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Europe/London",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "Africa/Nairobi",
    "Asia/Kathmandu",
    "Pacific/Chatham",
)
_WEEKDAYS = (None, 2, 4, None, 0, 6, 3)
_HOURS = (None, 7, 9, 18, None, 12, 20)
_HABITS = {
    5: Habit.NEVER_CONFIRMS,
    11: Habit.LEAVES,
    17: Habit.SLOWS_DOWN,
    23: Habit.PAUSES,
}


def invent_clients(count: int) -> list[Client]:
    """Invent clients in many zones who arrive over the first days, the same ones every time."""
    return [_invent(number) for number in range(count)]


def _invent(number: int) -> Client:
    name = _FIRST_NAMES[number % len(_FIRST_NAMES)]
    ascii_name = name.encode("ascii", "ignore").decode().lower()
    return Client(
        first_name=name,
        email=f"{ascii_name}{number + 1}@clients.example",
        zone=_ZONES[number % len(_ZONES)],
        weekday=_WEEKDAYS[number % len(_WEEKDAYS)],
        hour=_HOURS[(number * 3) % len(_HOURS)],
        arrives=timedelta(hours=2 * number, minutes=7 * number % 60),
        habit=_HABITS.get(number, Habit.READS),
    )
