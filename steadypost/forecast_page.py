"""The forecast as one page: bars for the eye, and the same figures as a table; no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from campaigns.forecast import Outlook

WIDTH, HEIGHT, _LEFT, _BOTTOM, _TOP = 760, 260, 56, 40, 24


@dataclass(frozen=True)
class Bar:
    """One day: what goes of series below, of broadcasts on top."""

    day: date
    x: float
    width: float
    steps_y: float
    steps_height: float
    news_y: float
    news_height: float
    steps: int
    news: int
    label: str  # under the bar; empty where there is no room


def forecast_page(outlook: Outlook, *, clinic: str, made_at: datetime) -> str:
    """Write the page."""
    pages = Environment(
        loader=PackageLoader("steadypost", "pages"), autoescape=True, undefined=StrictUndefined
    )
    most = max((outlook.on(day) for day in outlook.days), default=0)
    return pages.get_template("forecast.html").render(
        outlook=outlook,
        bars=list(_bars(outlook, most)),
        lines=list(_lines(most)),
        clinic=clinic,
        made_at=made_at,
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        floor=HEIGHT - _BOTTOM,
        has_news=any(_is_news(what) for what in outlook.emails),
        busiest=max(outlook.days, key=outlook.on) if most else None,
    )


def _bars(outlook: Outlook, most: int) -> Iterator[Bar]:
    days = outlook.days
    room = (WIDTH - _LEFT) / len(days)
    every = max(1, -(-len(days) // 12))
    scale = (HEIGHT - _BOTTOM - _TOP) / _ceiling(most)
    for number, day in enumerate(days):
        news = sum(outlook.counts.get((day, what), 0) for what in outlook.emails if _is_news(what))
        steps = outlook.on(day) - news
        floor = HEIGHT - _BOTTOM
        yield Bar(
            day=day,
            x=_LEFT + number * room + room * 0.1,
            width=room * 0.8,
            steps_y=floor - steps * scale,
            steps_height=steps * scale,
            news_y=floor - (steps + news) * scale,
            news_height=news * scale,
            steps=steps,
            news=news,
            label=f"{day:%-d %b}" if number % every == 0 else "",
        )


def _lines(most: int) -> Iterator[tuple[float, int]]:
    """Place the lines to read heights by: nothing, half and all of a round number."""
    ceiling = _ceiling(most)
    scale = (HEIGHT - _BOTTOM - _TOP) / ceiling
    for value in sorted({0, ceiling // 2, ceiling}):
        yield HEIGHT - _BOTTOM - value * scale, value


def _ceiling(most: int) -> int:
    """Round up to 1, 2 or 5 and zeros."""
    ceiling = 1
    while ceiling < most:
        ceiling = ceiling * 5 // 2 if f"{ceiling}"[0] == "2" else ceiling * 2
    return ceiling


def _is_news(what: str) -> bool:
    return what.startswith("broadcast ")
