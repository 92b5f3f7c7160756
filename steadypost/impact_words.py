"""Say what an edit would do: as lines for people, as facts for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from campaigns.impact import Impact, Touched
from campaigns.rules.impact import Effect, Moved
from steadypost.wording import counted

_ORDER = (Effect.NEVER, Effect.LATER, Effect.EARLIER, Effect.NEWLY)
_WORDS = {
    Effect.NEVER: "never",
    Effect.LATER: "later",
    Effect.EARLIER: "earlier",
    Effect.NEWLY: "newly",
}
_ONE_DAY = timedelta(days=1)


def impact_lines(impact: Impact, *, names: int | None = 3) -> Iterator[str]:
    """Say it line by line.

    Args:
        names: so many addresses for each line; None: all of them.
    """
    done = impact.imported
    if done.is_new:
        yield f"series {done.slug} is new; {_people(done.beginning)} of its list begin it"
    else:
        yield f"series {done.slug}: {_people(impact.people)} on their way in it"
    for word, keys in (("new", done.added), ("taken out", done.unpublished)):
        if keys:
            yield f"  {word}: {', '.join(keys)}"
    for key, count in impact.new_text.items():
        yield f"  changed: {key}: {_people(count)} ahead of it get it so from now on"
    if done.taken_up:
        yield f"  {_people(done.taken_up)} who had finished go on with what is new"
    if done.brought_back:
        yield f"  go on where they were: {_people(done.brought_back)} whose way the edit had ended"
    if not impact.touched:
        yield "  nobody gets anything earlier, later, newly or never"
    for (effect, series, key), group in _grouped(impact).items():
        addresses = [address for one in group for address in one.addresses]
        where = key if series == done.slug else f"{series}/{key}"
        yield f"  {_WORDS[effect]}: {where}: {_people(len(addresses))}{_by(group)}"
        yield f"    {_named(addresses, names)}"


def impact_facts(impact: Impact) -> dict[str, Any]:
    """Give the whole of it as plain data."""
    done = impact.imported
    return {
        "series": done.slug,
        "is_new": done.is_new,
        "people": impact.people,
        "added": list(done.added),
        "changed": dict(impact.new_text),
        "taken_out": list(done.unpublished),
        "taken_up": done.taken_up,
        "brought_back": done.brought_back,
        "beginning": done.beginning,
        "effects": [
            {
                "effect": one.moved.effect.value,
                "series": one.moved.series,
                "step": one.moved.step_key,
                "before": one.moved.before,
                "after": one.moved.after,
                "addresses": list(one.addresses),
            }
            for one in impact.touched
        ],
    }


def _grouped(impact: Impact) -> dict[tuple[Effect, str, str], list[Touched]]:
    groups: defaultdict[tuple[Effect, str, str], list[Touched]] = defaultdict(list)
    for one in impact.touched:
        groups[one.moved.effect, one.moved.series, one.moved.step_key].append(one)
    first = {key: min(map(_moment, group)) for key, group in groups.items()}
    order = sorted(groups, key=lambda key: (_ORDER.index(key[0]), first[key], key))
    return {key: groups[key] for key in order}


def _moment(touched: Touched) -> str:
    moved = touched.moved
    return f"{moved.after or moved.before:%Y-%m-%d %H:%M}"


def _by(group: Sequence[Touched]) -> str:
    """Say by how many days, from the least to the most."""
    days = sorted({_days(one.moved) for one in group} - {None})  # type: ignore[type-var]
    if not days:
        return ""
    least, most = days[0], days[-1]
    return f", by {_in_days(most)}" if least == most else f", by {least} to {_in_days(most)}"


def _days(moved: Moved) -> int | None:
    if moved.before is None or moved.after is None:
        return None
    return round(abs(moved.after - moved.before) / _ONE_DAY)


def _in_days(days: int | None) -> str:
    return "less than a day" if not days else "1 day" if days == 1 else f"{days} days"


def _named(addresses: Sequence[str], most: int | None) -> str:
    shown = sorted(addresses)[:most]
    left = len(addresses) - len(shown)
    return ", ".join(shown) + (f" and {left} more; --all names them" if left else "")


def _people(count: int) -> str:
    return counted(count, "person", "people")
