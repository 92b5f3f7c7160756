"""The page inlined: written flat, proven, inlined once, and cut at its marks again."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from lxml import etree

from templates.compiler.fallback import Pairs, Sheet, inlined_sheets, read_sheet
from templates.compiler.parts import Attribute, Choice, Part, Parts, Repeat, Words, joined_words
from templates.compiler.placeholders import FlatPage, Mark, write_flat
from templates.compiler.styles import MIRRORED, OpenStyle
from templates.compiler.treatments import gather_attributes, opened_links
from templates.compiler.values import UnprovableError
from templates.compiler.verification import (
    Found,
    find_marks,
    styled_elements,
    verify_marks,
    verify_selectors,
    verify_written,
)
from templates.inlining import parse_for_inlining, run_premailer, write_inlined
from templates.selectors import as_written
from templates.style_sheets import split_sheet

_SHORTEST_ELEMENT = 3  # characters
_RULES_KEPT = 2_000


@dataclass(frozen=True)
class InlinedPage:
    """A page after inlining, still open where it was before."""

    parts: Parts
    styles: tuple[OpenStyle, ...]
    matches: Mapping[str, int] = field(default_factory=dict)  # selectors: how many elements
    plain_rules: tuple[tuple[str, Pairs], ...] = ()  # as written, and as understood
    kept: tuple[str, ...] = ()  # rules that stay a sheet

    def most_elements(self, size: int) -> int:
        """Say how many elements there are at most when the page comes out this large."""
        return self._known_elements + max(0, size - self._known_size) // _SHORTEST_ELEMENT

    @cached_property
    def _known_elements(self) -> int:
        return sum(part.text.count("<") for part in self.parts if isinstance(part, Words))

    @cached_property
    def _known_size(self) -> int:
        return sum(len(part.text) for part in self.parts if isinstance(part, Words))


def inline_page(parts: Parts, tidy: Callable[[str], str]) -> InlinedPage:
    """Inline a page once for every reader.

    Raises:
        KeysNeededError: a reader decides something that the inliner has to see.
        UnprovableError: it cannot be proven that the result is right for every reader.
        TemplateError: the page is not one that can be inlined at all.
    """
    page = write_flat(gather_attributes(parts), f"q{secrets.token_hex(5)}n")
    root = parse_for_inlining(tidy(page.html))
    sheets = [style.text or "" for style in root.iter("style")]
    sheet = read_sheet(tuple(style.text or "" for style in inlined_sheets(root)))
    if sheet is None:
        raise UnprovableError("the style sheet holds rules that premailer keeps for itself")
    found = find_marks(root, page)
    verify_selectors([as_written(rule.text) for rule in sheet.rules], found, page)
    rules = sheet.matching(root)
    opened = _open_styles(found, page, sheet, rules)
    run_premailer(root)
    found = find_marks(root, page)
    verify_marks(found, page)
    for mark, element in styled_elements(found, page):
        _leave_mark_only(mark, element, page)
    styles = list(opened)
    html = write_inlined(root)
    verify_written(html, page)
    cut = _Cutting(html, page, styles).page()
    return InlinedPage(
        opened_links(cut),
        tuple(opened[word] for word in styles),
        _count_matches(sheet, rules),
        tuple(_plain_rules(sheets)),
        tuple(rule for text in sheets for rule in split_sheet(text).kept),
    )


def _open_styles(
    found: dict[str, list[Found]],
    page: FlatPage,
    sheet: Sheet,
    rules: Mapping[etree._Element, list[int]],
) -> dict[str, OpenStyle]:
    """Gather what each open style is merged with for a reader; to be done before inlining.

    Raises:
        UnprovableError: the sheet unsets properties, and the order of what is left would differ.
    """
    opened: dict[str, OpenStyle] = {}
    for mark, element in styled_elements(found, page):
        if any(value == "unset" for rule in sheet.rules for _, value in rule.pairs):
            raise UnprovableError("a style is open and the sheet unsets some", mark.part.place)
        attributes = {name: element.get(name, "") for name in MIRRORED if name in element.attrib}
        matching = tuple(rules.get(element, ()))
        opened[mark.word] = OpenStyle(str(element.tag), matching, attributes, sheet)
    return opened


def _count_matches(sheet: Sheet, rules: Mapping[etree._Element, list[int]]) -> dict[str, int]:
    texts = [as_written(rule.text) for rule in sheet.rules]
    counts = dict.fromkeys(texts, 0)
    for matching in rules.values():
        for text in {texts[index] for index in matching}:
            counts[text] += 1
    return counts


def _plain_rules(sheets: list[str]) -> Iterator[tuple[str, Pairs]]:
    """Give every plain rule as it was written, with what was understood of it."""
    for text in {rule: None for sheet in sheets for rule in split_sheet(sheet).plain}:
        yield as_written(text), _pairs_of(text)


@lru_cache(maxsize=_RULES_KEPT)
def _pairs_of(rule: str) -> Pairs:
    read = read_sheet((rule,))
    return tuple(pair for rule in read.rules for pair in rule.pairs) if read else ()


def _leave_mark_only(mark: Mark, element: etree._Element, page: FlatPage) -> None:
    """Take away what is worked out for each reader: the style and its mirror images."""
    for name in MIRRORED:
        value = element.attrib.pop(name, "")
        if page.pattern.search(str(value)):
            raise UnprovableError("a style and an attribute it mirrors are open", mark.part.place)
    element.set("style", mark.word)


class _Cutting:
    """Cuts the inlined page at its marks and puts the open parts back."""

    def __init__(self, html: str, page: FlatPage, styles: list[str]) -> None:
        prefix = re.escape(page.prefix)
        pattern = (
            rf' style="({prefix}\d+z)"|<!--({prefix}\d+z)-->|https://({prefix}\d+z)|({prefix}\d+z)'
        )
        self._pieces = [piece for piece in re.split(pattern, html) if piece is not None]
        self._page, self._styles, self._at = page, styles, 0

    def page(self) -> Parts:
        """Give the whole page.

        Raises:
            UnprovableError: marks are not inside each other as they were written.
        """
        parts, ended_by = self._run()
        if ended_by is not None:
            raise UnprovableError("a branch ends that never began")
        return parts

    def _run(self) -> tuple[Parts, Mark | None]:
        out: list[Part] = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            mark = self._page.marks.get(piece)
            if mark is None:
                out.append(Words(piece))
            elif mark.role in ("middle", "end"):
                return joined_words(tuple(out)), mark
            else:
                out.append(self._part(mark))
        return joined_words(tuple(out)), None

    def _part(self, mark: Mark) -> Part:
        part = mark.part
        if isinstance(part, Attribute):
            number = self._styles.index(mark.word) if mark.word in self._styles else 0
            return replace(part, number=number)
        if isinstance(part, Choice | Repeat):
            first, middle = self._run()
            second, end = self._run()
            if not (middle and end and middle.part is part and end.part is part) or (
                middle.role,
                end.role,
            ) != ("middle", "end"):
                raise UnprovableError("branches are no longer inside each other", part.place)
            if isinstance(part, Choice):
                return replace(part, yes=first, no=second)
            return part.with_runs(first, second)
        return part
