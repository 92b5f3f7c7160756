"""premailer behind one door: every defect it has, met."""

from __future__ import annotations

import builtins
import logging
import re
import socket
import threading
import urllib.request
from typing import Any

import cssutils
import cssutils.util
import pytest
from premailer import Premailer

from templates.errors import (
    ActiveContentError,
    EmptyHtmlError,
    InlinerFailedError,
    MalformedStyleError,
    OutsideStyleError,
    TooLargeError,
)
from templates.inlining import inline
from templates.style_sheets import split_sheet


def page(head: str = "", body: str = "<p>a</p>") -> str:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def test_plain_rules_move_into_the_elements() -> None:
    html = inline(
        page("<style>p { color: #112233 } .b { margin: 0 }</style>", '<p class="b">a</p>')
    )

    assert '<p class="b" style="color:#123; margin:0">a</p>' in html
    assert "<style" not in html


def test_at_rules_and_pseudo_classes_stay_a_sheet_word_for_word() -> None:
    kept = (
        "@media (max-width: 9px) { p { color: #123456 !important } @media print { a { b: c } } }\n"
        '@font-face { font-family: "A;B}"; src: url(https://a.example/b.woff2) }\n'
        "@supports (display: grid) { p { x: y } }\n"
        "@keyframes k { from { top: 0 } to { top: 1px } }\n"
        'a:hover{background: url("data:image/png;base64,AAAA")}'
    )

    html = inline(page(f"<style>p {{ color: #000000 }}\n{kept}</style>"))

    assert f"<style>\n{kept}\n</style>" in html
    assert '<p style="color:#000">' in html


def test_important_in_media_queries_survives() -> None:
    html = inline(page("<style>p{color:#111111} @media print{p{color:#222222 !important}}</style>"))

    assert "color:#222222 !important" in html


def test_a_sheet_marked_ignore_is_kept_byte_for_byte() -> None:
    sheet = "\n  u + .x > p{}  /* kept */\n p { color: #FF0000 }\n"

    html = inline(page(f'<style data-premailer="ignore">{sheet}</style>'))

    assert f"<style>{sheet}</style>" in html
    assert "<p>a</p>" in html


def test_outlooks_comments_survive() -> None:
    comments = (
        '<!--[if mso]><table width="600"><tr><td><style>p{color:red}</style><![endif]-->',
        "<!--[if !mso]><!-->",
        "<!--<![endif]-->",
    )

    html = inline(page(body="".join(comments) + "<p>a</p>"))

    for comment in comments:
        assert comment in html


@pytest.mark.parametrize(
    "sheet",
    [
        '@import "https://evil.example/x.css";',
        "@IMPORT url(https://evil.example/x.css);",
        "@\\69mport url(https://evil.example/x.css);",
        "@\\69 mport 'x';",
        "p{} @import 'x';",
        "<!-- @import 'x'; -->",
        "/* a */@import 'x'",
        "@import/**/'x';",
    ],
)
@pytest.mark.parametrize("ignored", ["", ' data-premailer="ignore"'])
def test_an_import_is_refused_however_it_is_written(sheet: str, ignored: str) -> None:
    with pytest.raises(OutsideStyleError, match="@import in a style sheet would fetch styles"):
        inline(page(f"<style{ignored}>{sheet}</style>"))


def test_a_linked_sheet_is_refused() -> None:
    with pytest.raises(OutsideStyleError, match="<link> would fetch styles from elsewhere"):
        inline(page('<link rel="stylesheet" href="https://evil.example/x.css">'))


@pytest.mark.parametrize("url", ["https://evil.example/x.css", "file:///etc/passwd", "ftp://a/b"])
def test_cssutils_itself_cannot_fetch_even_when_premailer_lets_it(url: str) -> None:
    with pytest.raises(OutsideStyleError):
        cssutils.parseString(f'@import "{url}"; p {{ color: red }}')
    with pytest.raises(OutsideStyleError):
        Premailer(f'<style>@import "{url}";</style><p>a</p>', allow_network=False).transform()


def test_no_connection_and_no_file_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"opened {args}")

    inline(page("<style>p { color: #000000 }</style>"))  # imports and caches are warm
    for owner, name in (
        (builtins, "open"),
        (socket, "socket"),
        (socket, "create_connection"),
        (socket, "getaddrinfo"),
        (urllib.request, "urlopen"),
    ):
        monkeypatch.setattr(owner, name, refuse)

    html = inline(
        page(
            "<style>p { background: url(https://a.example/x.png) } .fresh { margin: 3px }</style>",
            '<p class="fresh">a</p><img src="https://a.example/y.png" alt="b">',
        )
    )

    assert "margin:3px" in html


def test_sizes_are_not_copied_to_attributes() -> None:
    sheet = "img { width: 100%; height: auto } td { width: calc(1px + 2px); height: 9px }"

    html = inline(
        page(
            f"<style>{sheet}</style>",
            '<table><tr><td><img src="https://a.example/b" alt="" width="9" height="7"></td></tr>'
            "</table>",
        )
    )

    assert 'width="9" height="7"' in html
    assert 'height="auto"' not in html
    assert 'width="calc' not in html


def test_colours_are_copied_only_where_and_how_old_outlook_reads_them() -> None:
    sheet = (
        "td { background-color: #abc } p, a { background-color: #aabbcc } "
        "th { background-color: rgba(0,0,0,.5) }"
    )

    html = inline(
        page(f"<style>{sheet}</style>", "<table><tr><th>x</th><td><p>a</p></td></tr></table>")
    )

    assert html.count("bgcolor") == 1
    assert 'bgcolor="#aabbcc"' in html


def test_text_alignment_does_not_make_tables_float() -> None:
    html = inline(
        page("<style>table, td { text-align: left }</style>", "<table><td>a</td></table>")
    )

    assert '<table style="text-align:left">' in html
    assert '<td style="text-align:left" align="left">' in html


@pytest.mark.parametrize("style", ["p", "color", "p{color:red}", "a:b}"])
def test_a_style_that_is_no_declaration_is_refused(style: str) -> None:
    with pytest.raises(MalformedStyleError, match="is no declaration; write it like"):
        inline(page("<style>p { color: red }</style>", f'<p style="{style}">a</p>'))


def test_an_empty_style_is_dropped() -> None:
    assert "<p>a</p>" in inline(page(body='<p style=" ">a</p>'))


def test_one_email_cannot_poison_the_cache_for_the_next() -> None:
    inline(page("<style>color:#abcdef</style>", '<p style="a:first-child">a</p>'))
    inline(page("<style>/* sheet */ margin:7px</style>"))

    html = inline(
        page(
            "<style>p { color: #abcdef } p { margin: 7px } a:first-child { top: 0 }</style>",
            "<p>a</p>",
        )
    )

    assert '<p style="color:#abcdef; margin:7px">' in html


def test_inline_styles_win_over_rules() -> None:
    html = inline(
        page("<style>p { color: #111111; top: 0 }</style>", '<p style="color:#222222">a</p>')
    )

    assert 'style="top:0; color:#222"' in html


@pytest.mark.parametrize("html", ["", " \n", "<!doctype html>", "<!-- a -->", "<html></html>"])
def test_empty_input_is_refused(html: str) -> None:
    with pytest.raises(EmptyHtmlError, match="the email has no HTML at all"):
        inline(html)


@pytest.mark.parametrize(
    "selector",
    ["p:hover", "p:empty", "*", "a|b", "p::before", ".md\\:x", "p:not(:not(.a))", "p:is(.a)"],
)
def test_selectors_the_inliner_gets_wrong_stay_in_the_sheet(selector: str) -> None:
    html = inline(page(f"<style>{selector} {{ color: #123456 }} p {{ top: 0 }}</style>"))

    assert f"{selector}{{color: #123456}}" in html
    assert '<p style="top:0">' in html


PLACES = {
    "p:not(.a)": "ac",
    "p:first-child": "a",
    "p:nth-child(2n + 1)": "ac",
    "p:nth-child(2), p.none": "b",
    "p:last-of-type": "c",
    "p:not(:last-child)": "ab",
    "p:not([title])": "bc",
    "p[title^='x:y']": "a",
    "body > p:first-child ~ p": "bc",
}


@pytest.mark.parametrize("selector", PLACES)
def test_selectors_that_only_the_tree_can_answer_are_inlined(selector: str) -> None:
    body = '<p title="x:y">a</p><p class="a">b</p><p>c</p>'

    html = inline(
        page(f"<style>p {{ color: #111111 }} {selector} {{ color: #222222 }}</style>", body)
    )

    found = re.findall(r"<p[^>]*#222[^>]*>(.)", html)
    assert "".join(found) == PLACES[selector]
    assert "steadypost" not in html
    assert "{" not in html


WEIGHTS = [  # the stronger one first
    ("p:first-child", "p"),
    ("p.a", "p"),
    ("p:first-child.a", "p.a"),
    ("#b", "p:first-child.a:not(.c)"),
    ("p:not(#c)", "p.a.a"),
    ("[title]", "body p"),
    ("p.a", "[title]"),
    ("body p[title]", "p:first-child"),
]


@pytest.mark.parametrize(("stronger", "weaker"), WEIGHTS)
def test_rules_weigh_what_their_selectors_do(stronger: str, weaker: str) -> None:
    sheet = f"<style>{stronger} {{ color: #222222 }} {weaker} {{ color: #111111 }}</style>"

    html = inline(page(sheet, '<p id="b" class="a" title="x">a</p>'))

    assert 'style="color:#222"' in html


def test_a_sheet_for_printers_stays_one() -> None:
    sheet = '<style media="print">p { top: 0 } p:first-child, p:hover { top: 1px }</style>'

    html = inline(page(sheet))

    assert sheet in html


def test_a_breakdown_of_the_inliner_is_an_error_of_ours() -> None:
    with pytest.raises(InlinerFailedError, match="the styles cannot be inlined"):
        inline(page("<style>p { b@d: 1 } p { color: #111111 }</style>"))


@pytest.mark.parametrize(
    ("html", "told"),
    [
        (page(body="<p>a</p>" * 3000), "3,003 elements; keep to 2,000"),
        (page(f"<style>p{{background:url(x{'y' * 600})}}</style>", "<p>a" * 1900), "characters"),
        (page("<style>" + "p{top:0}" * 301 + "</style>"), "301 style rules; keep to 300"),
        (page("<style>p" + ",p" * 999 + "{" + "a:b;" * 99 + "}</style>"), "characters of style"),
    ],
)
def test_more_work_than_any_email_needs_is_refused(html: str, told: str) -> None:
    with pytest.raises(TooLargeError, match=told):
        inline(html)


def test_the_error_of_active_content_says_what_to_do() -> None:
    with pytest.raises(ActiveContentError) as caught:
        inline(page(body="<video></video>"))

    assert str(caught.value) == "<video> does not belong in an email; remove it"


def test_cssutils_says_nothing(caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)

    inline(page("<style>p { colour: reddish } p.. { a: b } p { color: #1 }</style>"))

    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_threads_do_not_disturb_each_other() -> None:
    results: dict[int, str] = {}

    def work(number: int) -> None:
        results[number] = inline(page(f"<style>p {{ margin: {number}px }}</style>"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(f"margin:{number}px" in results[number] for number in range(1, 9))


@pytest.mark.parametrize(
    ("css", "plain", "kept"),
    [
        ("p{a:b}", "p{a:b}", ""),
        ("p { a : b ; c:d }", "p{a : b ; c:d}", ""),
        ("p, a:hover, b { c:d }", "p{c:d}\nb{c:d}", "a:hover{c:d}"),
        ("@charset 'x'; p{a:b}", "p{a:b}", "@charset 'x';"),
        ("@media x{p{a:b}}q{c:d}", "q{c:d}", "@media x{p{a:b}}"),
        ("p{a:b; &:hover{c:d}}", "", "p{a:b; &:hover{c:d}}"),
        ("/* p{} */ q{a:b}", "q{a:b}", ""),
        ("p{a:'};/* x */'}", "p{a:'};/* x */'}", ""),
        ("p{a:url(x;y})}", "p{a:url(x;y})}", ""),
        ("p[title='a,b']{c:d}", "p[title='a,b']{c:d}", ""),
        ("p{a:b", "p{a:b}", ""),
        ("}}p{a:b}", "p{a:b}", ""),
        ("nothing", "", ""),
        ("", "", ""),
    ],
)
def test_a_sheet_is_split_in_two(css: str, plain: str, kept: str) -> None:
    sheet = split_sheet(css)

    assert ("\n".join(sheet.plain), "\n".join(sheet.kept)) == (plain, kept)
