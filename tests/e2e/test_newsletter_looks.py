"""Newsletters in a real browser: compiled, they look to the last dot as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from templates.compiler.renderer import CompiledRenderer
from templates.compiling import compile_edition
from templates.email import Reader
from tests.newsletter_stage import ADA, BEN, NEWSLETTERS, newsletter

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
RENDERER = CompiledRenderer()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"NOT LOOKED AT: no Chromium at {CHROMIUM}; install it"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


def picture(browser: Any, html: str, *, width: int, scheme: str) -> bytes:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.route("**/*", lambda route: route.abort())
    page.set_content(html)
    taken = page.screenshot(full_page=True)
    page.close()
    assert isinstance(taken, bytes)
    return taken


def written(name: str, reader: Reader) -> str:
    """Render without inlining; the page's kind is always that of today, as in every email."""
    html = compile_edition(newsletter(name)).render(reader).html
    return re.sub(r"<!doctype[^>]*>", "<!DOCTYPE html>", html.lstrip(), flags=re.IGNORECASE)


SCREENS = [(700, "light"), (700, "dark"), (320, "light")]
LOOKS = [(name, width, scheme) for name in NEWSLETTERS for width, scheme in SCREENS]


@pytest.mark.parametrize(("name", "width", "scheme"), LOOKS)
def test_compiling_moves_no_dot(browser: Any, name: str, width: int, scheme: str) -> None:
    for reader in (ADA, BEN):
        as_written = written(name, reader)
        compiled = RENDERER.render(newsletter(name), reader).html
        assert "<style" in as_written
        assert re.search(r"<(p|td|h1)[^>]* style=", compiled)

        before, after = (
            picture(browser, html, width=width, scheme=scheme) for html in (as_written, compiled)
        )

        assert before == after
