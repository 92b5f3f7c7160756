"""What compiling did to an edition, in the author's words and lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from jinja2 import nodes

from templates.compiler.compilation import Compilation, Variant
from templates.compiler.pages import InlinedPage
from templates.compiler.parts import Parts, Place, Words, everything_in
from templates.compiler.placeholders import Demand
from templates.compiler.values import UnprovableError
from templates.compiling import HTML
from templates.email import Reader
from templates.jinja_source import JinjaSource

_PROPERTY = re.compile(r"(?:^|[;{])\s*([a-zA-Z-]+)\s*:")
_SPOKEN_KINDS: Final = {"truth": "whether", "text": "what is written by"}


@dataclass(frozen=True)
class Remark:
    """One thing that happened, where it was written."""

    place: str  # "document, line 12" or "layout.html, line 3"
    what: str


@dataclass(frozen=True)
class CompileReport:
    """What became of an edition."""

    how: str  # "compiled once", "compiled in variants", "rendered in full for each reader"
    inlined: Mapping[str, int]  # selectors that were moved, and into how many elements
    unmatched: tuple[str, ...]  # selectors that match nothing
    kept: tuple[str, ...]  # rules that stay in the head
    dropped: tuple[str, ...]  # declarations that the inliner cannot read
    keys: tuple[Remark, ...]  # what a variant is compiled for
    in_full: tuple[Remark, ...]  # why some or all readers are rendered in full
    sizes: Mapping[str, int] = field(default_factory=dict)  # bytes; of parts before inlining


def report_on(compilation: Compilation, reader: Reader) -> CompileReport:
    """Say what becomes of an edition for a reader.

    Raises:
        NotPlainValueError: a value of the reader is an object.
    """
    placing = _Placing(compilation.sources)
    try:
        variant: Variant | None = compilation.variants.choose(compilation.context(reader))
    except UnprovableError:
        variant = None
    demands, reasons = compilation.variants.keys(), compilation.variants.reasons()
    keys = tuple(placing.of_demand(demand) for demand in demands)
    in_full = [placing.of_error(error) for error in reasons]
    if variant is None:
        how = "rendered in full for each reader"
        return CompileReport(how, {}, (), (), (), keys, tuple(in_full))
    if variant.text.why_not is not None:
        in_full.append(placing.of_error(variant.text.why_not, part="the plain text part: "))
    page = variant.page
    return CompileReport(
        "compiled in variants" if keys else "compiled once",
        {rule: count for rule, count in page.matches.items() if count},
        tuple(rule for rule, count in page.matches.items() if not count),
        page.kept,
        tuple(dropped_declarations(page)),
        keys,
        tuple(dict.fromkeys(in_full)),
        _sizes(variant, compilation, reader),
    )


class _Placing:
    """Says places in lines of the document where they are of it, else of the theme's file."""

    def __init__(self, sources: Mapping[str, JinjaSource]) -> None:
        self._sources = sources

    def of_demand(self, demand: Demand) -> Remark:
        what = f"{_SPOKEN_KINDS[demand.kind]} {spoken(demand.expr)} decides: {demand.why}"
        return Remark(self.spoken_place(demand.place), what)

    def of_error(self, error: UnprovableError, *, part: str = "") -> Remark:
        return Remark(self.spoken_place(error.place), f"{part}{error.why}")

    def spoken_place(self, place: Place) -> str:
        if place.source not in self._sources:
            return f"{place.source}, line {place.line}" if place.source else "document"
        line = self._sources[place.source].document_line(place.line)
        return f"document, line {line}" if line else "document"


def spoken(expr: nodes.Node) -> str:
    """Name the fields an expression is about, as the author wrote them."""
    names = [
        f"{node.node.name}.{node.attr}"
        for node in (expr, *expr.find_all(nodes.Getattr))
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name)
    ]
    return " and ".join(dict.fromkeys(names)) or "a value"


def dropped_declarations(page: InlinedPage) -> Iterable[str]:
    """Find declarations of the plain rules that were not understood and are gone."""
    for text, pairs in page.plain_rules:
        selector, _, body = text.partition("{")
        understood = {name.lower() for name, _ in pairs}
        written = [name.lower() for name in _PROPERTY.findall("{" + body)]
        yield from (f"{selector.strip()}: {name}" for name in written if name not in understood)


def _sizes(variant: Variant, compilation: Compilation, reader: Reader) -> dict[str, int]:
    sizes = {}
    with suppress(Exception):  # this reader is rendered in full; the reasons say so
        email = variant.render_encoded(compilation.context(reader))
        sizes = {"html as it is sent": len(email.html), "text as it is sent": len(email.text)}
    sizes |= {f"written in {name}": size for name, size in _written_in(variant.before).items()}
    return sizes


def _written_in(parts: Parts) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for part in everything_in(parts):
        if isinstance(part, Words):
            name = "the document" if part.place.source == HTML else part.place.source
            sizes[name or "the document"] += len(part.text.encode())
    return sizes
