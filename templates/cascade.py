"""The cascade for one element: which declaration of several wins, and where it then stands.

premailer leaves the winner where the loser stood. So a `margin` that beats an earlier `margin`
can end up before a `margin-bottom` it should beat too, and it takes the last declaration even
after one that is `!important`. Here the winner stands where it was written last (CSS 2.2, 6.4).
"""

from __future__ import annotations

from collections.abc import Iterable

from premailer.merge_style import csstext_to_pairs

Pair = tuple[str, str]


def merge_styles(
    inline_style: str | None,
    new_styles: Iterable[Iterable[Pair]],
    _classes: Iterable[str],  # of pseudo-classes; none of them gets here
    remove_unset_properties: bool = False,
) -> str:
    """Merge the declarations of rules, the weakest first, with those of a `style` attribute."""
    merged: dict[str, str] = {}
    written = csstext_to_pairs(inline_style) if inline_style else []
    for name, value in [pair for style in (*new_styles, written) for pair in style]:
        before = merged.get(name, "")
        if not _is_important(before) or _is_important(value):
            merged.pop(name, None)
            merged[name] = value
    kept = [
        f"{name}:{value}"
        for name, value in merged.items()
        if not (remove_unset_properties and value.lower() == "unset")
    ]
    return "; ".join(kept)


def _is_important(value: str) -> bool:
    return value.rstrip().lower().endswith("!important")
