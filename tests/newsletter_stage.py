"""Newsletters as marketers bring them along, and three people who get them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from templates.email import Edition, Reader
from templates.samples import SAMPLE_CLINIC
from templates.theme import read_theme

FOLDER: Final = Path(__file__).parent / "corpus" / "newsletters"
NEWSLETTERS: Final = sorted(path.stem for path in FOLDER.glob("*.html"))
LINKS: Final = {
    "unsubscribe": "https://post.example.org/u/a",
    "preferences": "https://post.example.org/p/a",
    "view": "https://post.example.org/m/a?b=1&c=2",
}
FIELDS: Final = frozenset(
    {"city", "vip", "level", "points", "accent", "interests", "visits", "total", "next_visit"}
    | {"id_code"}
)
VISITS: Final = [
    {"day": "3 March", "what": "Neck & shoulders", "price": 60},
    {"day": "10 March", "what": "Tea <and> talk", "price": 0},
    {"day": "17 March", "what": "Feet", "price": 45},
]
ADA: Final = Reader(
    {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "city": "Paris",
        "vip": True,
        "level": "gold",
        "points": 12,
        "accent": "#225588",
        "interests": ["neck", "sleep", "feet"],
        "visits": VISITS,
        "total": 105,
        "next_visit": "Thursday 24 March",
        "id_code": "a/1",
    },
    LINKS,
    {"title": "March", "part": 2, "parts": 6},
)
BEN: Final = Reader(
    {"first_name": "", "visits": [], "interests": [], "total": 0},
    {"unsubscribe": "https://post.example.org/u/b"},
)
CLEO: Final = Reader(
    {
        "first_name": 'Cléo "<i>"',
        "last_name": "O’Hara & Söhne",
        "city": "Saint-Jean d’Été",
        "level": "silver",
        "points": 3,
        "interests": ["only=one"],
        "visits": VISITS[1:2],
        "total": 0,
    },
    LINKS,
)
PEOPLE: Final = {"Ada": ADA, "Ben": BEN, "Cleo": CLEO}


def newsletter(name: str) -> Edition:
    """Make the edition of one newsletter."""
    document = (FOLDER / f"{name}.html").read_text("utf-8")
    return Edition(document, read_theme("calm"), SAMPLE_CLINIC, name, FIELDS)
