"""Emails in a real browser: narrow, dark, without pictures, without media queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from templates.email import Edition, Reader, RenderedEmail
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import BUILTIN, read_theme, theme_names

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"NOT LOOKED AT: no Chromium at {CHROMIUM}; install it"
    ),
]

EVERY_BLOCK = """---
subject: Every block
preheader: One of each
---
# Everything a letter can hold, one after the other

Hello **{{ subscriber.first_name }}**, *this* is [a link](https://a.example/).

::: image https://a.example/room.jpg | A quiet room with one chair | 1120x600
:::

## A second heading

1. First
   - inside it

> Words of somebody else.

---

::: tip Try it tonight
Breathe **out**, slowly.

- [a link](https://a.example/tip)
:::

::: columns
## Left
Words on the left.
+++
## Right
Words on the right.
:::

::: button {{ clinic.booking_url }}
Book a visit with a rather long label that has to wrap
:::

Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft.
"""
DOCUMENTS = {
    "every block": EVERY_BLOCK,
    **{path.stem: path.read_text() for path in sorted((BUILTIN.parent / "series").glob("*/*.md"))},
    **{path.stem: path.read_text() for path in sorted((BUILTIN.parent / "mails").glob("*.md"))},
}
LINKS = {**SAMPLE_READER.links, "confirm": "https://post.example.org/c/sample"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


def render(document: str, theme: str = "calm") -> RenderedEmail:
    links = LINKS if "links.confirm" in document else SAMPLE_READER.links
    reader = Reader({"first_name": "Ada"}, links, SAMPLE_READER.series)
    return PersonRenderer().render(Edition(document, read_theme(theme), SAMPLE_CLINIC), reader)


def open_page(browser: Any, html: str, *, width: int, scheme: str = "light") -> Any:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.route("**/*", lambda route: route.abort())  # no pictures, and nothing else either
    page.set_content(html)
    return page


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_letter_never_scrolls_sideways_on_a_small_phone(
    browser: Any, name: str, theme: str
) -> None:
    page = open_page(browser, render(DOCUMENTS[name], theme).html, width=320)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("theme", theme_names())
def test_a_letter_fits_a_small_phone_even_without_media_queries(browser: Any, theme: str) -> None:
    html = re.sub(r"<style>.*?</style>", "", render(EVERY_BLOCK, theme).html, flags=re.DOTALL)

    page = open_page(browser, html, width=320)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700])
def test_every_word_can_be_read(browser: Any, theme: str, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(browser, render(EVERY_BLOCK, theme).html, width=width, scheme=scheme)

    results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})

    assert "color-contrast" in {rule["id"] for rule in results.response["passes"]}
    assert results.violations_count == 0, results.generate_report()


def test_in_the_dark_the_letter_is_dark(browser: Any) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = open_page(browser, render(EVERY_BLOCK).html, width=600, scheme=scheme)
        grounds[scheme] = page.evaluate(
            "getComputedStyle(document.querySelector('td.card')).backgroundColor"
        )

    assert grounds == {"light": "rgb(255, 253, 249)", "dark": "rgb(27, 36, 33)"}


@pytest.mark.parametrize("name", ["confirmation", "already-subscribed"])
@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_of_an_answer_can_be_read(
    browser: Any, name: str, theme: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(browser, render(DOCUMENTS[name], theme).html, width=600, scheme=scheme)

    results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})

    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("theme", theme_names())
def test_columns_stand_side_by_side_where_there_is_room(browser: Any, theme: str) -> None:
    tops = {}
    for width in (600, 700, 320):
        page = open_page(browser, render(EVERY_BLOCK, theme).html, width=width)
        boxes = [half.bounding_box() for half in page.query_selector_all("div.half")]
        tops[width] = len({box["y"] for box in boxes})

    assert tops == {600: 1, 700: 1, 320: 2}


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("width", [320, 700])
def test_buttons_are_large_enough_for_thumbs(browser: Any, theme: str, width: int) -> None:
    page = open_page(browser, render(EVERY_BLOCK, theme).html, width=width)

    for box in (link.bounding_box() for link in page.query_selector_all("a.button-link")):
        assert box["height"] >= 44


@pytest.mark.parametrize("theme", theme_names())
def test_without_pictures_their_words_are_there(browser: Any, theme: str) -> None:
    page = open_page(browser, render(EVERY_BLOCK, theme).html, width=600)

    assert page.get_by_alt_text("A quiet room with one chair").is_visible()


def test_the_column_stays_600_pixels_wide_on_a_wide_screen(browser: Any) -> None:
    page = open_page(browser, render(EVERY_BLOCK).html, width=1400)

    assert page.locator("table.column").bounding_box()["width"] == 600


def test_the_hidden_preheader_is_not_seen(browser: Any) -> None:
    page = open_page(browser, render(EVERY_BLOCK).html, width=600)

    assert not page.locator(".preheader").is_visible()


def test_a_letter_asks_the_network_for_its_pictures_only(browser: Any) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))

    page.set_content(render(EVERY_BLOCK).html)

    assert asked == ["https://a.example/room.jpg"]
