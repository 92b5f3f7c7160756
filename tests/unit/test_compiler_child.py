"""Previews in a process of their own: the same result, the same errors, and an end to all work."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from templates.compiler.child import _RESTING, GuardedRenderer, Limits, preview_in_child
from templates.email import Edition
from templates.errors import MissingValueError, StoppedError, TemplateError
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
    with pytest.raises(MissingValueError, match="document, line 6: there is no field 'nothing'"):
        preview_in_child(
            edition("Hello\n\n{{ clinic.nothing }}"), SAMPLE_READER, Limits(timedelta(seconds=60))
        )


def test_a_child_that_takes_too_long_is_stopped() -> None:
    words = r"takes too much time: more than 0\.05 seconds; simplify it"

    with pytest.raises(StoppedError, match=words):
        preview_in_child(edition("Hello"), SAMPLE_READER, Limits(timedelta(seconds=0.05)))


def test_a_child_that_the_system_stops_for_its_processor_time_took_too_long() -> None:
    with GuardedRenderer(Limits(timedelta(seconds=60))) as renderer:
        renderer.render(edition("Hello"), SAMPLE_READER)
        child = renderer._child
        assert child is not None
        assert child.process.pid is not None
        os.kill(child.process.pid, signal.SIGXCPU)  # what comes when RLIMIT_CPU is reached
        child.process.join()

        with pytest.raises(StoppedError, match="too much time: more than 60 seconds; simplify"):
            renderer.render(edition("Hello again"), SAMPLE_READER)


def test_a_child_that_takes_too_much_memory_is_stopped() -> None:
    limits = Limits(timedelta(seconds=60), memory_bytes=1_000_000)

    with pytest.raises(StoppedError, match="too much memory: more than 1 MB; simplify it"):
        preview_in_child(edition("Hello"), SAMPLE_READER, limits)


def test_one_process_serves_many_and_is_replaced_after_it_was_stopped() -> None:
    good, slow = edition("Hello {{ subscriber.first_name }}"), edition("[" * 10)
    with GuardedRenderer(Limits(timedelta(seconds=60))) as renderer:
        first = renderer.render(good, SAMPLE_READER)
        child = renderer._child
        assert renderer.render_encoded(good, SAMPLE_READER).subject == first.subject
        assert renderer.report(good, SAMPLE_READER).how == "compiled once"
        assert renderer._child is child
        assert child is not None

        child.process.kill()
        child.process.join()
        with pytest.raises(StoppedError):
            renderer.render(slow, SAMPLE_READER)

        assert renderer.render(good, SAMPLE_READER) == first
    assert renderer._child is None


def test_a_process_that_went_to_rest_is_started_again_unnoticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = edition("Hello")
    with GuardedRenderer(Limits(timedelta(seconds=60))) as renderer:
        first = renderer.render(good, SAMPLE_READER)
        child = renderer._child
        assert child is not None
        ours, theirs = multiprocessing.Pipe()
        theirs.send(_RESTING)  # as it does before it ends
        theirs.close()
        child.connection.close()
        renderer._child = child._replace(connection=ours)

        assert renderer.render(good, SAMPLE_READER) == first
        assert renderer._child is not None
        assert renderer._child.process is not child.process


def _kinds(kind: type[TemplateError]) -> Iterator[type[TemplateError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


@pytest.mark.parametrize("kind", list(_kinds(TemplateError)), ids=lambda kind: kind.__name__)
def test_every_error_crosses_as_it_is(kind: type[TemplateError]) -> None:
    error = kind.__new__(kind)
    error.args = ("these words",)
    error.__dict__.update(problem="these words", line=7, name="document")

    found = pickle.loads(pickle.dumps(error))  # noqa: S301 -- what multiprocessing does

    assert type(found) is kind
    assert (found.args, found.__dict__) == (error.args, error.__dict__)
    assert str(found) == str(error)
