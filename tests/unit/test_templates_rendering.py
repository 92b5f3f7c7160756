"""The renderer: what it keeps, what it costs, whom it blames."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import templates
from templates.email import Edition, Reader, RenderedEmail, Renderer, Theme
from templates.errors import (
    DocumentError,
    JinjaSyntaxError,
    MissingValueError,
    ThemeError,
    ThemeFileError,
    UnknownNameError,
)
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

THEME = read_theme("calm")
BUILTIN = Path(templates.__file__).parent / "builtin"
SHIPPED = sorted([*(BUILTIN / "series").glob("*/*.md"), *(BUILTIN / "mails").glob("*.md")])


def edition(body: str = "# Hi", *, digest: str = "", theme: Theme = THEME) -> Edition:
    return Edition(f"---\nsubject: Hello\n---\n{body}", theme, SAMPLE_CLINIC, digest=digest)


def changed_theme(file: str, old: str, new: str) -> Theme:
    assert old in THEME.files[file]
    return Theme("ours", {**THEME.files, file: THEME.files[file].replace(old, new, 1)})


def test_it_is_a_renderer() -> None:
    renderer: Renderer = PersonRenderer()

    assert isinstance(renderer.render(edition(), SAMPLE_READER), RenderedEmail)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_document_renders_for_a_bare_and_a_full_clinic(path: Path) -> None:
    links = {**SAMPLE_READER.links, "confirm": "https://post.example.org/confirm/x"}
    reader = Reader({}, links, {"title": "Your weekly series", "part": 1, "parts": 6})
    bare = {"name": "Riverside Clinic", "postal_address": "12 Mill Lane"}

    for clinic in (bare, SAMPLE_CLINIC):
        email = PersonRenderer().render(Edition(path.read_text(), THEME, clinic), reader)

        assert email.subject
        assert email.preheader
        assert email.html.count("<h1") == 1
        assert "there" in email.text or path.parent.name == "mails"
        assert "None" not in email.text


def test_an_edition_with_a_digest_is_compiled_once() -> None:
    renderer = PersonRenderer()
    first = renderer.render(edition("# One", digest="a"), SAMPLE_READER)

    again = renderer.render(edition("# Two", digest="a"), SAMPLE_READER)
    other = renderer.render(edition("# Two", digest="b"), SAMPLE_READER)
    without = renderer.render(edition("# Three"), SAMPLE_READER)

    assert first == again
    assert "Two" in other.text
    assert "Three" in without.text


def test_only_the_editions_used_last_are_kept() -> None:
    renderer = PersonRenderer(editions_kept=2)
    for digest in ("a", "b", "a", "c"):
        renderer.render(edition(f"# {digest}", digest=digest), SAMPLE_READER)

    kept = [
        digest
        for digest in ("a", "c")
        if "new" not in renderer.render(edition("# new", digest=digest), SAMPLE_READER).text
    ]

    assert kept == ["a", "c"]
    assert "new" in renderer.render(edition("# new", digest="b"), SAMPLE_READER).text


def test_readers_do_not_see_each_others_values() -> None:
    renderer, shared = PersonRenderer(), edition("# Hi {{ subscriber.first_name }}", digest="a")
    results: dict[str, RenderedEmail] = {}

    def work(name: str) -> None:
        results[name] = renderer.render(shared, Reader({"first_name": name}, SAMPLE_READER.links))

    threads = [threading.Thread(target=work, args=(f"Reader{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    for name, email in results.items():
        assert f"Hi {name}\n" in email.text


def test_one_email_takes_less_than_a_tenth_of_a_second() -> None:
    renderer, shared = PersonRenderer(), edition("# Hi\n\n" + "Words. " * 300, digest="a")
    renderer.render(shared, SAMPLE_READER)
    began = time.process_time()

    for _ in range(5):
        renderer.render(shared, SAMPLE_READER)

    assert (time.process_time() - began) / 5 < 0.1


def test_subject_and_preheader_become_single_lines() -> None:
    document = (
        "---\nsubject: |\n  A\n  b\npreheader: '  c   {{ subscriber.first_name }} '\n---\n# Hi"
    )

    email = PersonRenderer().render(Edition(document, THEME, SAMPLE_CLINIC), SAMPLE_READER)

    assert (email.subject, email.preheader) == ("A b", "c Ada")


def test_signs_in_a_subject_are_not_escaped_but_in_html_they_are() -> None:
    document = "---\nsubject: '{{ subscriber.first_name }} & co'\n---\n# Hi"
    reader = Reader({"first_name": "<Ada>"}, SAMPLE_READER.links)

    email = PersonRenderer().render(Edition(document, THEME, SAMPLE_CLINIC), reader)

    assert email.subject == "<Ada> & co"
    assert "<title>&lt;Ada&gt; &amp; co</title>" in email.html


@pytest.mark.parametrize(
    ("front", "kind", "told"),
    [
        ("subject: '{{ subscribr }}'", UnknownNameError, "line 2: there is no field called"),
        ("subject: a\npreheader: '{{ clinic.nme }}'", MissingValueError, "line 3: there is no fie"),
        ("subject: '{{ a '", JinjaSyntaxError, "line 2: '{{' is opened here and never closed"),
    ],
)
def test_an_error_in_the_front_matter_names_its_line(
    front: str, kind: type[DocumentError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        PersonRenderer().render(
            Edition(f"---\n{front}\n---\n# Hi", THEME, SAMPLE_CLINIC), SAMPLE_READER
        )


def test_an_attribute_that_some_have_is_empty_for_those_who_have_not() -> None:
    shared = Edition(
        "---\nsubject: a\n---\n# Hi {{ subscriber.city or 'you' }}",
        THEME,
        SAMPLE_CLINIC,
        attribute_names=frozenset({"city"}),
    )

    assert "Hi you" in PersonRenderer().render(shared, SAMPLE_READER).text


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("layout.html", "{{ subject }}", "{{ subjct }}", "layout.html: line 17: there is no field"),
        ("layout.html", "{{ subject }}", "{{ subject }", "layout.html: line 17: a field is not cl"),
        ("layout.html", "{{ subject }}", "{{ 9**9 }}", "layout.html: line 17: the power sign"),
        ("blocks.html", "{{ caller() }}", "{{ url|linc }}", "blocks.html: line 1: there is no fil"),
        ("layout.txt", "{{ clinic.name }}", "{{ clinc.name }}", "layout.txt: line 8: there is no"),
        ("layout.html", '"inline.css"', '"other.css"', "other.css"),
        ("theme.yaml", "#f4eee3", "beige", "light.paper is no colour: 'beige'"),
    ],
)
def test_an_error_in_a_theme_names_the_theme(file: str, old: str, new: str, told: str) -> None:
    broken = changed_theme(file, old, new)

    with pytest.raises(ThemeError) as caught:
        PersonRenderer().render(edition("[a]({{ links.view }})", theme=broken), SAMPLE_READER)

    assert told in str(caught.value)
    assert "ours" in str(caught.value)


def test_an_error_of_a_theme_is_a_theme_error() -> None:
    broken = changed_theme("layout.html", "{{ subject }}", "{{ subjct }}")

    with pytest.raises(ThemeFileError) as caught:
        PersonRenderer().render(edition(theme=broken), SAMPLE_READER)

    assert (caught.value.theme, caught.value.file) == ("ours", "layout.html")
