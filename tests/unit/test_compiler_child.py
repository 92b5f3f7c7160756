"""Previews in a process of their own: the same result, the same errors, and an end to all work."""

from __future__ import annotations

from datetime import timedelta

import pytest

from templates.compiler.child import Limits, preview_in_child
from templates.email import Edition
from templates.errors import RefusedElsewhereError, StoppedError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme


def edition(body: str) -> Edition:
    document = f"---\nsubject: Hello\n---\n{body}"
    return Edition(document, read_theme("calm"), SAMPLE_CLINIC, "digest")


def test_a_preview_from_a_child_is_the_email_and_its_report() -> None:
    made = edition("Hello {{ subscriber.first_name }}")

    preview = preview_in_child(made, SAMPLE_READER, Limits(timedelta(seconds=60)))

    assert preview.email == PersonRenderer().render(made, SAMPLE_READER)
    assert preview.report.how == "compiled once"


def test_what_is_wrong_comes_back_from_the_child_with_its_line() -> None:
    with pytest.raises(
        RefusedElsewhereError, match="document, line 6: there is no field 'nothing'"
    ):
        preview_in_child(
            edition("Hello\n\n{{ clinic.nothing }}"), SAMPLE_READER, Limits(timedelta(seconds=60))
        )


def test_a_child_that_takes_too_long_is_stopped() -> None:
    words = r"takes too much time: more than 0\.05 seconds; simplify it"

    with pytest.raises(StoppedError, match=words):
        preview_in_child(edition("Hello"), SAMPLE_READER, Limits(timedelta(seconds=0.05)))


def test_a_child_that_takes_too_much_memory_is_stopped() -> None:
    limits = Limits(timedelta(seconds=60), memory_bytes=1_000_000)

    with pytest.raises(StoppedError, match="too much memory: more than 1 MB; simplify it"):
        preview_in_child(edition("Hello"), SAMPLE_READER, limits)
