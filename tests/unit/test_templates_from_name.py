"""The From name of an email: its document's, worked out like the subject, encoded by delivery."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from delivery.errors import HeaderInjectionError
from delivery.headers import address_header
from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition, Reader
from templates.errors import ForbiddenCharacterError, MissingValueError, RefusedJinjaError
from templates.pieces import protect
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

CALM = read_theme("calm")


def edition(from_name: str) -> Edition:
    document = (
        f"---\nsubject: Hello\nfrom_name: {from_name}\n---\nHi {{{{ subscriber.first_name }}}}"
    )
    return Edition(document, CALM, SAMPLE_CLINIC, "digest", frozenset({"therapist"}))


def named(from_name: str, **subscriber: object) -> str:
    """Give the From name, worked out both ways."""
    made = edition(from_name)
    reader = Reader({"first_name": "Ada", **subscriber}, SAMPLE_READER.links)
    full = PersonRenderer().render(made, reader)
    compiled = CompiledRenderer()
    assert compiled.render(made, reader).from_name == full.from_name
    assert compiled.render_encoded(made, reader).from_name == full.from_name
    return full.from_name


def test_a_document_names_who_it_is_from() -> None:
    assert named("Mara and the team") == "Mara and the team"
    assert named("'Mara at {{ clinic.name }}'") == f"Mara at {SAMPLE_CLINIC['name']}"
    assert named("'{{ subscriber.therapist or clinic.name }}'", therapist="Jo") == "Jo"


def test_without_a_name_or_with_an_empty_one_the_sites_name_is_left_to_stand() -> None:
    assert named("''") == ""
    assert named("'{{ subscriber.therapist }} '", therapist="") == ""


@pytest.mark.parametrize(
    "stray", ["\r\nBcc: all@example.org", "\x00", "\u2028X: y", "\u2029", "\x0b"]
)
def test_a_readers_value_cannot_begin_another_header(stray: str) -> None:
    name = named("'{{ subscriber.therapist }}'", therapist=f"Jo{stray}")

    line = address_header("From", "news@clinic.example", name=name)

    assert name.isprintable()
    assert line.count(b"\r\n") == 1
    assert message_from_bytes(line, policy=default).keys() == ["From"]


@pytest.mark.parametrize("stray", ["\r", "\n", "\x00", "\u2028"])
def test_a_name_with_a_line_end_in_it_is_refused_by_the_header(stray: str) -> None:
    with pytest.raises(HeaderInjectionError):
        address_header("From", "news@clinic.example", name=f"Jo{stray}Bcc: x@example.org")


@pytest.mark.parametrize("stray", ["\\0", "\\u2028", "\\x0b"])
def test_a_control_character_in_the_document_is_refused_with_its_line(stray: str) -> None:
    with pytest.raises(ForbiddenCharacterError, match="document, line 3"):
        CompiledRenderer().render(edition(f'"Jo{stray}"'), SAMPLE_READER)


def test_what_is_wrong_in_a_name_is_told_with_its_line() -> None:
    with pytest.raises(MissingValueError, match=r"document, line 3: .*'nothing'"):
        CompiledRenderer().render(edition("'{{ clinic.nothing }}'"), SAMPLE_READER)
    with pytest.raises(RefusedJinjaError, match="document, line 3"):
        CompiledRenderer().render(edition("'{{ 9 ** 9 }}'"), SAMPLE_READER)


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate))
@example('Anna, "Mara" \\ O\'Neil 🙂')
@given(st.text(max_size=40))
def test_any_name_is_worked_out_equal_and_comes_back_from_the_header(therapist: str) -> None:
    found = named("'{{ subscriber.therapist }}'", therapist=therapist)

    line = address_header("From", "news@clinic.example", name=found)

    parsed = message_from_bytes(line, policy=default)["From"]
    assert [address.addr_spec for address in parsed.addresses] == ["news@clinic.example"]
    # Some versions of the parser put a space between two encoded words of a name.
    assert _unspaced(parsed.addresses[0].display_name) == _unspaced(found)


def _unspaced(name: str) -> str:
    return re.sub(r"\s+", "", name)


@pytest.mark.parametrize("header", ["subject", "preheader", "from_name", "text"])
def test_a_carriage_return_written_as_an_escape_is_refused_and_not_looked_for_forever(
    header: str,
) -> None:
    front = {"subject": "Hello", header: '"Jo\\r\\nBcc: all@example.org"'}
    lines = "\n".join(f"{key}: {value}" for key, value in front.items())
    made = Edition(f"---\n{lines}\n---\nHi", CALM, SAMPLE_CLINIC, "digest")

    with pytest.raises(ForbiddenCharacterError, match=r"document, line [23]: .*U\+000D"):
        CompiledRenderer().render(made, SAMPLE_READER)


def test_pieces_are_found_whatever_the_line_ends() -> None:
    found = protect("a\r\n{{ b }}\rc {{ d }}")

    assert [(piece.source, piece.line) for piece in found.pieces] == [(" b ", 2), (" d ", 3)]
