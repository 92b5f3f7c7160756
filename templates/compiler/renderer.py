"""Editions compiled once, and rendered for one reader after the other."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from templates.compiler.canonical import canonical
from templates.compiler.compilation import Compilation, Variant
from templates.compiler.fallback import FastInliner
from templates.compiler.report import CompileReport, report_on
from templates.compiler.transfer import encoded_email
from templates.compiler.values import UnprovableError
from templates.compiling import CompiledEdition, compile_edition
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.errors import TemplateError
from templates.page_lines import page_errors_placed

EDITIONS_KEPT: Final = 64
_PLAIN: Final = frozenset({str, int})
logger = logging.getLogger(__name__)


class CompiledRenderer:
    """Renders emails from compiled editions, and by the fallback whatever was not proven.

    The first reader of every variant is rendered both ways; a variant that differs is closed.
    """

    def __init__(self, *, editions_kept: int = EDITIONS_KEPT) -> None:
        self._editions_kept = editions_kept
        self._editions: OrderedDict[str, CompiledEdition] = OrderedDict()
        self._compilations: OrderedDict[tuple[str, object], Compilation] = OrderedDict()
        self._inliner = FastInliner()
        self._lock = threading.Lock()

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        """Render one email.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
        if edition.digest:
            try:
                return self._render_compiled(self.compilation(edition, reader), reader)
            except Exception:  # whatever it is, the fallback decides what this reader gets
                logger.debug("rendered by the fallback", exc_info=True)
        return self.render_in_full(edition, reader)

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        """Render one email as it goes over the wire.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
        if edition.digest:
            try:
                compilation = self.compilation(edition, reader)
                context = compilation.context(reader)
                return self._variant(compilation, reader, context).render_encoded(context)
            except Exception:  # whatever it is, the fallback decides what this reader gets
                logger.debug("rendered by the fallback", exc_info=True)
        return encoded_email(self.render_in_full(edition, reader))

    def render_in_full(self, edition: Edition, reader: Reader) -> RenderedEmail:
        """Render one email without compiling: the reference for everything else.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
        compiled = self._edition(edition)
        email = compiled.render(reader)
        with page_errors_placed(compiled, reader):
            return replace(email, html=self._inliner.inline(email.html))

    def report(self, edition: Edition, reader: Reader) -> CompileReport:
        """Say what becomes of an edition when it is compiled.

        Raises:
            TemplateError: the document or theme is at fault; the text names the line.
        """
        return report_on(self.compilation(edition, reader), reader)

    def compilation(self, edition: Edition, reader: Reader) -> Compilation:
        """Give the compiled form of an edition for a reader's place in the series."""
        if not edition.digest:
            return Compilation(self._edition(edition), reader)
        key = (edition.digest, _place(reader.series))
        with self._lock:
            if found := self._compilations.get(key):
                self._compilations.move_to_end(key)
                return found
        made = Compilation(self._edition(edition), reader)
        with self._lock:
            kept = self._compilations.setdefault(key, made)
            while len(self._compilations) > self._editions_kept:
                self._compilations.popitem(last=False)
        return kept

    def _render_compiled(self, compilation: Compilation, reader: Reader) -> RenderedEmail:
        context = compilation.context(reader)
        return self._variant(compilation, reader, context).render(context)

    def _variant(
        self, compilation: Compilation, reader: Reader, context: dict[str, Any]
    ) -> Variant:
        variant = compilation.variants.choose(context)
        if id(variant) not in compilation.tried:
            self._try_out(compilation, variant, reader)
            compilation.tried.add(id(variant))
        return variant

    def _try_out(self, compilation: Compilation, variant: Variant, reader: Reader) -> None:
        """Render for the first reader both ways.

        Raises:
            UnprovableError: they differ; the variant is closed.
        """
        email = variant.render(compilation.context(reader))
        try:
            full = compilation.edition_rendered(reader)
            full = replace(full, html=self._inliner.inline(full.html))
            difference = difference_between(email, full)
        except TemplateError:
            difference = "error"
        if difference:
            error = UnprovableError(f"the {difference} came out differently for a reader")
            compilation.variants.close(variant, error)
            logger.warning("closed a variant: %s", error)
            raise error

    def _edition(self, edition: Edition) -> CompiledEdition:
        if not edition.digest:
            return compile_edition(edition)
        with self._lock:
            if found := self._editions.get(edition.digest):
                self._editions.move_to_end(edition.digest)
                return found
        compiled = compile_edition(edition)
        with self._lock:
            self._editions[edition.digest] = compiled
            while len(self._editions) > self._editions_kept:
                self._editions.popitem(last=False)
        return compiled


def difference_between(one: RenderedEmail, other: RenderedEmail) -> str:
    """Name the first part in which two emails do not mean the same; nothing if there is none."""
    if one.subject != other.subject:
        return "subject"
    if one.preheader != other.preheader:
        return "preheader"
    if one.from_name != other.from_name:
        return "from name"
    if one.text != other.text:
        return "text"
    return "html" if canonical(one.html) != canonical(other.html) else ""


def _place(series: Mapping[str, Any]) -> object:
    """Make a key of a place in a series: of one value there is only one type in it."""
    types = tuple(map(type, series.values()))
    if _PLAIN.issuperset(types):
        return types, tuple(series.items())
    return _frozen(series)


def _frozen(value: Any) -> object:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return (type(value).__name__, *map(_frozen, value))
    return (type(value).__name__, value)
