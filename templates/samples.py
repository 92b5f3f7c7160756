"""An invented reader and clinic, for previews and for looking at a theme."""

from __future__ import annotations

from typing import Any, Final

from templates.email import Reader

SAMPLE_READER: Final = Reader(
    subscriber={"first_name": "Ada", "last_name": "Example"},
    links={
        "unsubscribe": "https://post.example.org/u/sample",
        "preferences": "https://post.example.org/p/sample",
        "view": "https://post.example.org/m/sample",
    },
    series={"title": "Your weekly series", "part": 3, "parts": 6},
)

SAMPLE_CLINIC: Final[dict[str, Any]] = {
    "name": "Riverside Clinic",
    "postal_address": "12 Mill Lane, Riverside RV1 2AB",
    "website": "https://riverside.example",
    "booking_url": "https://riverside.example/book",
    "learn_more_url": "https://riverside.example/learn",
    "phone": "+44 20 7946 0000",
    "privacy_url": "https://riverside.example/privacy",
    "sign_off": "Mara and the team",
}
