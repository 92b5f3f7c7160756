"""Compiling and previewing in a process of its own, with limits on time and memory.

A budget counts what Jinja does and limits count what is inlined, but neither knows how long a
library takes over one step. A process can be stopped from outside, and takes nothing with it.
Texts that somebody has just written are looked at there; what is published was.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, NamedTuple, Self

from templates.compiler.renderer import CompiledRenderer
from templates.compiler.report import CompileReport
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.errors import StoppedError, TemplateError

_SPAWNED: Final = multiprocessing.get_context("spawn")  # a copy of a threaded process may hang
_RESTING: Final = "went to rest"
_BUSY: Final = 2.5  # times the time: so long is waited where others work, too
_REST_AFTER: Final = timedelta(seconds=30)  # without work; a service publishes rarely


@dataclass(frozen=True)
class Limits:
    """What one compilation or preview may take."""

    time: timedelta = timedelta(seconds=10)  # of the processor: a busy machine is nobody's fault
    memory_bytes: int = 1_000_000_000  # of addresses; about a quarter of it is ever used


@dataclass(frozen=True)
class Preview:
    """What an author looks at before publishing."""

    email: RenderedEmail
    report: CompileReport


class _Request(NamedTuple):
    deed: str
    edition: Edition
    reader: Reader


class _Child(NamedTuple):
    process: BaseProcess
    connection: Connection

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class GuardedRenderer:
    """Renders what nobody has tried yet, in a process that is stopped when it takes too much.

    The process starts when it is first needed, goes to rest after a while, and is replaced after
    it was stopped. Errors are those of rendering itself, with their lines.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._child: _Child | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        """Render one email.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
            StoppedError: it took more time or memory than it may.
        """
        email: RenderedEmail = self._ask(_Request("render", edition, reader))
        return email

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        """Render one email as it goes over the wire; errors as in `render`."""
        email: EncodedEmail = self._ask(_Request("render_encoded", edition, reader))
        return email

    def report(self, edition: Edition, reader: Reader) -> CompileReport:
        """Say what becomes of an edition when it is compiled; errors as in `render`."""
        report: CompileReport = self._ask(_Request("report", edition, reader))
        return report

    def preview(self, edition: Edition, reader: Reader) -> Preview:
        """Render one email and say what becomes of it when compiled; errors as in `render`."""
        preview: Preview = self._ask(_Request("preview", edition, reader))
        return preview

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, request: _Request) -> Any:
        request = request._replace(edition=_sendable(request.edition))
        with self._lock:
            answer = self._answer(request)
            if answer == _RESTING:
                self._end()
                answer = self._answer(request)
        if isinstance(answer, TemplateError):
            raise answer
        return answer

    def _answer(self, request: _Request) -> object:
        child = self._child = self._child or _started(self._limits)
        seconds = self._limits.time.total_seconds()
        try:
            child.connection.send(request)
            if child.connection.poll(seconds * _BUSY):
                return child.connection.recv()
        except (EOFError, OSError) as error:
            rested = _last_word(child)
            self._end()
            if rested:
                return _RESTING
            if child.process.exitcode == -signal.SIGXCPU:
                raise StoppedError("time", f"{seconds:g} seconds") from error
            # It ended without a word.
            most = f"{self._limits.memory_bytes // 1_000_000} MB"
            raise StoppedError("memory", most) from error
        self._end()
        raise StoppedError("time", f"{seconds:g} seconds")

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def preview_in_child(edition: Edition, reader: Reader, limits: Limits = Limits()) -> Preview:
    """Compile an edition and render it for a reader, in a process with limits.

    Raises:
        TemplateError: the document, theme or a value is at fault; the text names the line.
        StoppedError: it took more time or memory than it may.
    """
    with GuardedRenderer(limits) as renderer:
        return renderer.preview(edition, reader)


def _sendable(edition: Edition) -> Edition:
    theme = replace(edition.theme, files=dict(edition.theme.files))
    return replace(edition, theme=theme, clinic=dict(edition.clinic))


def _started(limits: Limits) -> _Child:
    ours, theirs = _SPAWNED.Pipe()
    process = _SPAWNED.Process(target=_work, args=(theirs, limits), daemon=True)
    process.start()
    theirs.close()
    return _Child(process, ours)


def _last_word(child: _Child) -> bool:
    """Tell whether it had gone to rest just before it was asked."""
    try:
        return child.connection.poll() and child.connection.recv() == _RESTING
    except (EOFError, OSError):
        return False


def _work(connection: Connection, limits: Limits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    renderer = CompiledRenderer()
    while connection.poll(_REST_AFTER.total_seconds()):
        try:
            request: _Request = connection.recv()
        except EOFError:
            return
        _limit_time(limits)
        connection.send(_outcome(renderer, request))
    connection.send(_RESTING)


def _limit_time(limits: Limits) -> None:
    """Let this request, too, have its time of the processor and no more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limits.time.total_seconds()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _outcome(renderer: CompiledRenderer, request: _Request) -> object:
    deed, edition, reader = request
    try:
        match deed:
            case "render":
                return renderer.render(edition, reader)
            case "render_encoded":
                return renderer.render_encoded(edition, reader)
            case "report":
                return renderer.report(edition, reader)
        return Preview(renderer.render(edition, reader), renderer.report(edition, reader))
    except TemplateError as error:
        if _is_about_memory(error):
            raise MemoryError from error  # the parent hears nothing more, and knows why
        return error


def _is_about_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
