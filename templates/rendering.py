"""Emails rendered for one reader after the other: a compiled edition, then inlining for each.

Inlining is nine tenths of the time. A renderer that inlines once per edition can take the place
of `PersonRenderer`; it starts from the same `CompiledEdition`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from templates.compiler.transfer import encoded_email
from templates.compiling import CompiledEdition, compile_edition
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.inlining import inline
from templates.page_lines import page_errors_placed

EDITIONS_KEPT = 64


class PersonRenderer:
    """Renders and inlines every email anew; keeps the compiled editions used last."""

    def __init__(self, *, editions_kept: int = EDITIONS_KEPT) -> None:
        self._editions_kept = editions_kept
        self._compiled: OrderedDict[str, CompiledEdition] = OrderedDict()
        self._lock = threading.Lock()

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        """Render one email.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
        compiled = self._compiled_edition(edition)
        email = compiled.render(reader)
        with page_errors_placed(compiled, reader):
            return replace(email, html=inline(email.html))

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        """Render one email as it goes over the wire.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
        return encoded_email(self.render(edition, reader))

    def _compiled_edition(self, edition: Edition) -> CompiledEdition:
        if not edition.digest:
            return compile_edition(edition)
        with self._lock:
            if found := self._compiled.get(edition.digest):
                self._compiled.move_to_end(edition.digest)
                return found
        compiled = compile_edition(edition)
        with self._lock:
            self._compiled[edition.digest] = compiled
            while len(self._compiled) > self._editions_kept:
                self._compiled.popitem(last=False)
        return compiled
