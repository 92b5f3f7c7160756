"""Compiling and previewing in a process of their own, with limits on time and memory.

A budget counts what Jinja does and limits count what is inlined, but neither knows how long a
library takes over one step. A process can be stopped from outside, and takes nothing with it.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Final

from templates.compiler.renderer import CompiledRenderer
from templates.compiler.report import CompileReport
from templates.email import Edition, Reader, RenderedEmail
from templates.errors import RefusedElsewhereError, StoppedError, TemplateError

_SPAWNED: Final = multiprocessing.get_context("spawn")  # a copy of a threaded process may hang


@dataclass(frozen=True)
class Limits:
    """What one compilation or preview may take."""

    time: timedelta = timedelta(seconds=10)  # the interpreter's own start is in it
    memory_bytes: int = 1_000_000_000  # of addresses; about a quarter of it is ever used


@dataclass(frozen=True)
class Preview:
    """What an author looks at before publishing."""

    email: RenderedEmail
    report: CompileReport


def preview_in_child(edition: Edition, reader: Reader, limits: Limits = Limits()) -> Preview:
    """Compile an edition and render it for a reader, in a process with limits.

    Raises:
        RefusedElsewhereError: the document, theme or a value is at fault; the text names the line.
        StoppedError: it took more time or memory than it may.
    """
    receiving, sending = _SPAWNED.Pipe(duplex=False)
    child = _SPAWNED.Process(target=_work, args=(sending, edition, reader, limits), daemon=True)
    child.start()
    sending.close()
    try:
        if not receiving.poll(limits.time.total_seconds()):
            raise StoppedError("time", f"{limits.time.total_seconds():g} seconds")
        outcome = _receive(receiving, limits)
    finally:
        child.kill()
        child.join()
        receiving.close()
    if isinstance(outcome, Preview):
        return outcome
    raise RefusedElsewhereError(str(outcome))


def _receive(receiving: Connection, limits: Limits) -> object:
    try:
        return receiving.recv()
    except EOFError as error:  # it ended without a word
        raise StoppedError("memory", f"{limits.memory_bytes // 1_000_000} MB") from error


def _work(sending: Connection, edition: Edition, reader: Reader, limits: Limits) -> None:
    _limit(limits)
    sending.send(_outcome(lambda: _preview(edition, reader)))
    sending.close()


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    seconds = int(limits.time.total_seconds()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(work: Callable[[], Any]) -> object:
    try:
        return work()
    except TemplateError as error:
        if _is_about_memory(error):
            raise MemoryError from error  # the parent hears nothing more, and knows why
        return str(error)


def _is_about_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _preview(edition: Edition, reader: Reader) -> Preview:
    renderer = CompiledRenderer()
    return Preview(renderer.render(edition, reader), renderer.report(edition, reader))
