"""Every layout rule of the built-in theme, seen in what a receiver gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from templates.colours import READABLE, contrast
from templates.email import Edition, Reader, RenderedEmail, Theme
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme, theme_names
from templates.tokens import theme_tokens

DOCUMENT = """---
subject: "A letter for {{ subscriber.first_name }} & all"
preheader: What is in it
---
# One idea

Hello {{ subscriber.first_name }}, [more]({{ clinic.learn_more_url }}).

## Below it

- one
- two

> A quote.

---

::: tip Try it tonight
Breathe.
:::

::: image https://riverside.example/room.jpg | A quiet room | 1120x600
:::

::: columns
Left.
+++
Right.
:::

::: button {{ clinic.booking_url }}
Book a visit
:::
"""


def render(theme: Theme, reader: Reader = SAMPLE_READER, **clinic: Any) -> RenderedEmail:
    edition = Edition(DOCUMENT, theme, {**SAMPLE_CLINIC, **clinic})
    return PersonRenderer().render(edition, reader)


@pytest.fixture(params=theme_names())
def theme(request: pytest.FixtureRequest) -> Theme:
    return read_theme(request.param)


@pytest.fixture
def email(theme: Theme) -> RenderedEmail:
    return render(theme)


@pytest.fixture
def page(email: RenderedEmail) -> etree._Element:
    return etree.fromstring(email.html, etree.HTMLParser())


def comments(page: etree._Element) -> str:
    return "\n".join(str(comment.text) for comment in page.iter(etree.Comment))


def style_of(element: etree._Element) -> dict[str, str]:
    pairs = (part.partition(":") for part in str(element.get("style") or "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value}


def test_it_is_an_html5_page_in_a_language_and_direction(
    email: RenderedEmail, page: etree._Element
) -> None:
    assert email.html.startswith("<!DOCTYPE html>\n")
    assert (page.get("lang"), page.get("dir")) == ("en", "ltr")


def test_the_article_says_the_language_again_because_clients_drop_the_page(
    page: etree._Element,
) -> None:
    (article,) = [div for div in page.iter("div") if div.get("role") == "article"]

    assert (article.get("lang"), article.get("dir")) == ("en", "ltr")
    assert article.get("aria-roledescription") == "email"
    assert article.get("aria-label") == "A letter for Ada & all"


def test_a_language_written_from_the_right_turns_the_direction(theme: Theme) -> None:
    html = render(theme, language="ar").html

    assert '<html lang="ar" dir="rtl"' in html
    assert re.search(r'<td class="quote" style="[^"]*border-right:3px', html)
    assert "border-left" not in html


def test_the_metas_are_there(page: etree._Element) -> None:
    metas = {meta.get("name"): meta.get("content") for meta in page.iter("meta")}

    assert next(page.iter("meta")).get("charset") == "utf-8"
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert "x-apple-disable-message-reformatting" in metas
    assert "telephone=no" in str(metas["format-detection"])
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"


def test_the_title_is_the_subject(email: RenderedEmail, page: etree._Element) -> None:
    assert page.findtext("head/title") == email.subject == "A letter for Ada & all"


def test_outlook_gets_96_dots_per_inch_and_a_font_it_has(
    page: etree._Element, theme: Theme
) -> None:
    headings = {"calm": "Georgia", "clinical": "Segoe UI", "warm": "Palatino Linotype"}[theme.name]

    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in comments(page)
    assert f'.quote p {{ font-family: "{headings}" !important; }}' in comments(page)


def test_outlook_gets_a_table_of_600_pixels_with_a_background(
    page: etree._Element, theme: Theme
) -> None:
    paper = theme_tokens(theme, {})["paper"]
    ghosts = [text for text in comments(page).splitlines() if "[if mso]><table" in text]

    assert any('width="600"' in ghost and f'bgcolor="{paper}"' in ghost for ghost in ghosts)
    assert comments(page).count("<table") == comments(page).count("</table>")


def test_the_column_is_600_pixels_wide_at_most(page: etree._Element) -> None:
    (column,) = page.xpath("//table[@class='column']")

    assert style_of(column)["max-width"] == "600px"
    assert column.get("width") == "100%"


def test_the_preheader_comes_first_hidden_and_filled_up(page: etree._Element) -> None:
    body = page.find("body")
    assert body is not None
    first = body[0]

    style = style_of(first)
    assert str(first.text).startswith("What is in it")
    assert (style["display"], style["max-height"], style["overflow"]) == ("none", "0", "hidden")
    assert style["mso-hide"] == "all"
    assert str(first.text).count("\u034f\u200c\u00a0") == 40


def test_without_a_preheader_nothing_is_hidden(theme: Theme) -> None:
    document = "---\nsubject: Hello\n---\n# Hi"

    html = PersonRenderer().render(Edition(document, theme, SAMPLE_CLINIC), SAMPLE_READER).html

    assert 'class="preheader"' not in html


def test_the_background_is_on_the_body_and_the_outer_table(
    page: etree._Element, theme: Theme
) -> None:
    paper = theme_tokens(theme, {})["paper"]
    pages = page.xpath("//*[@class='page']")

    assert [element.tag for element in pages] == ["body", "table"]
    assert {element.get("bgcolor") for element in pages} == {paper}
    assert {style_of(element)["background-color"] for element in pages} == {paper}


def test_every_table_is_for_layout_and_says_so(email: RenderedEmail) -> None:
    tables = re.findall(r"<table[^>]*>", email.html)

    assert len(tables) > 10
    for table in tables:
        assert 'role="presentation"' in table
        assert 'cellpadding="0" cellspacing="0" border="0"' in table


def test_there_is_one_main_heading_and_real_paragraphs_and_lists(page: etree._Element) -> None:
    assert [heading.text for heading in page.iter("h1")] == ["One idea"]
    assert [heading.text for heading in page.iter("h2")] == ["Below it"]
    assert len(list(page.iter("li"))) == 2


def test_pictures_have_sizes_words_and_shrink(page: etree._Element) -> None:
    (picture,) = page.iter("img")

    assert (picture.get("width"), picture.get("height")) == ("504", "270")
    assert picture.get("alt") == "A quiet room"
    assert style_of(picture)["height"] == "auto"
    assert style_of(picture)["max-width"] == "504px"
    assert "font-family" in style_of(picture)  # for those who read the words instead


def test_a_small_picture_keeps_its_size(theme: Theme) -> None:
    document = "---\nsubject: a\n---\n# b\n\n::: image https://a.example/b.png | c | 120x60\n:::"

    html = PersonRenderer().render(Edition(document, theme, SAMPLE_CLINIC), SAMPLE_READER).html

    assert 'width="120" height="60"' in html
    assert "max-width:120px" in html


def test_the_button_is_a_padded_link_of_44_pixels_in_a_coloured_cell(
    page: etree._Element, theme: Theme
) -> None:
    (link,) = page.xpath("//a[@class='button-link']")
    cell = link.getparent()
    style = style_of(link)

    padding = int(style["padding"].split("px")[0])
    height = int(style["line-height"].removesuffix("px")) + 2 * padding
    assert height >= 44
    assert style["display"] == "inline-block"
    assert cell is not None
    assert cell.get("bgcolor") == theme_tokens(theme, {})["accent"]
    assert "mso-font-width" in comments(link)
    assert link.get("href") == "https://riverside.example/book"


def test_body_text_is_16_or_17_pixels_and_small_print_not_below_13(page: etree._Element) -> None:
    sizes = {
        element.get("class"): int(style_of(element)["font-size"].removesuffix("px"))
        for element in page.iter("p", "li")
    }

    assert sizes.pop(None) in (16, 17)
    assert min(sizes.values()) >= 13


def test_fonts_are_those_of_the_reader_and_nothing_is_fetched(email: RenderedEmail) -> None:
    without_links = re.sub(r'href="[^"]*"', "", email.html)
    addresses = set(re.findall(r"https?://[^\s\"']+", without_links))

    assert addresses == {"https://riverside.example/room.jpg"}
    assert "@font-face" not in email.html
    assert "@import" not in email.html


def test_colours_are_hexadecimal_only(email: RenderedEmail) -> None:
    assert not re.search(r"\b(rgba?|hsla?|color-mix|var)\(", email.html)


def test_one_style_sheet_is_left_under_8_kilobytes(page: etree._Element) -> None:
    (sheet,) = page.iter("style")

    text = str(sheet.text)
    assert len(text.encode()) < 8 * 1024
    assert "data-premailer" not in sheet.attrib
    for part in (
        "prefers-color-scheme: dark",
        "[data-ogsc]",
        "[data-ogsb]",
        "max-width: 420px",
        ":hover",
        ":root",
    ):
        assert part in text
    assert "!important" in text


def test_every_dark_colour_has_its_hook_for_outlook_com(page: etree._Element) -> None:
    text = next(page.iter("style")).text or ""
    dark = text.split("prefers-color-scheme: dark")[1]

    inside, outside = dark.split("[data-ogsb]", 1)
    for colour in set(re.findall(r"background-color: (#\w{6})", inside)):
        assert colour in outside


def test_the_whole_email_is_under_40_kilobytes(email: RenderedEmail) -> None:
    assert len(email.html.encode()) < 40 * 1024


def readable_pairs() -> Iterator[tuple[str, str]]:
    for ground in ("paper", "card", "panel"):
        yield "accent", ground
    yield from [("ink", "card"), ("panel_ink", "panel"), ("quiet", "paper"), ("quiet", "card")]
    yield "on_accent", "accent"


@pytest.mark.parametrize("accent", ["", "#e0a100", "#ffee00", "#1f5c50", "#000000", "#ffffff"])
def test_everything_can_be_read_in_light_and_dark(theme: Theme, accent: str) -> None:
    tokens = theme_tokens(theme, {"accent": accent})

    for words, ground in readable_pairs():
        assert contrast(tokens[words], tokens[ground]) >= READABLE, (words, ground)
        assert contrast(tokens["dark"][words], tokens["dark"][ground]) >= READABLE, (words, ground)


def test_the_eyebrow_tells_the_part_and_draws_it(page: etree._Element) -> None:
    (eyebrow,) = page.xpath("//p[@class='eyebrow']")

    assert eyebrow.text == "Part 3 of 6"
    assert len(page.xpath("//td[@class='step step-done']")) == 3
    assert len(page.xpath("//td[@class='step step-ahead']")) == 3


@pytest.mark.parametrize("series", [{}, {"title": "News"}, {"part": 3}])
def test_outside_a_series_nothing_is_counted(theme: Theme, series: dict[str, Any]) -> None:
    html = render(theme, Reader({}, SAMPLE_READER.links, series)).html

    assert 'class="steps"' not in html


def test_a_long_series_counts_in_words_only(theme: Theme) -> None:
    html = render(theme, Reader({}, SAMPLE_READER.links, {"part": 20, "parts": 52})).html

    assert "Part 20 of 52" in html
    assert 'class="steps"' not in html


@pytest.mark.parametrize("part", ["html", "text"])
def test_the_footer_says_why_who_and_how_to_leave(email: RenderedEmail, part: str) -> None:
    words = " ".join(getattr(email, part).split())

    assert "because you asked Riverside Clinic for “Your weekly series”" in words
    assert "12 Mill Lane, Riverside RV1 2AB" in words
    assert "General information, not medical advice." in words
    for link in SAMPLE_READER.links.values():
        assert link in words


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_confirmation_mail_has_a_footer_of_its_own(theme: Theme, part: str) -> None:
    reader = Reader({}, {"confirm": "https://post.example.org/confirm/x"}, {})

    words = " ".join(getattr(render(theme, reader), part).split())

    assert "because this address was entered at Riverside Clinic" in words
    assert "12 Mill Lane, Riverside RV1 2AB" in words
    assert "Unsubscribe" not in words
    assert "medical advice" not in words


@pytest.mark.parametrize("part", ["html", "text"])
def test_outside_a_series_the_footer_still_says_why(theme: Theme, part: str) -> None:
    words = " ".join(getattr(render(theme, Reader({}, SAMPLE_READER.links)), part).split())

    assert "because you asked Riverside Clinic for news" in words


def test_the_clinics_facts_may_be_empty(theme: Theme) -> None:
    empty = dict.fromkeys(SAMPLE_CLINIC, "") | {"name": "Riverside Clinic"}

    email = PersonRenderer().render(Edition(DOCUMENT, theme, empty), SAMPLE_READER)

    assert 'href=""' not in email.html
    assert 'button-link"' not in email.html
    assert "Book a visit" not in email.text
    assert "more." in email.text
    assert email.text.count("[1]") == 0


def test_the_clinics_accent_colour_is_used_when_it_can_be_read(theme: Theme) -> None:
    assert "#7a1f4b" in render(theme, accent="#7A1F4B").html
