"""Run the service: the pages in the main thread, the scheduler beside them, until a signal."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from types import FrameType

import uvicorn

from scheduler import Parts, Scheduler
from steadypost.crew import Crew, member_command
from steadypost.errors import CannotListenError
from steadypost.memory import settle_memory
from steadypost.settings.sections import Settings, Web
from steadypost.settings.worries import worries_about
from web.app import create_app
from web.desk import Desk

LOG = logging.getLogger("steadypost.service")
_GRACE_SECONDS = 10  # for pages that are being sent when the service is stopped


class StopRequest:
    """Notice that somebody asked to stop, and tell who works at once."""

    def __init__(self) -> None:
        self._asked = Event()
        self.tell: Callable[[], None] = lambda: None

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as a request to stop, not as an order to die."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.note)

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        self._asked.set()
        self.tell()

    def wait(self) -> None:
        """Wait until somebody asks."""
        self._asked.wait()

    @property
    def is_asked(self) -> bool:
        """Tell whether somebody asked."""
        return self._asked.is_set()


class PageServer(uvicorn.Server):
    """The web server; passes a signal on at once, so that sending stops while pages finish."""

    def __init__(self, config: uvicorn.Config, stop: StopRequest) -> None:
        super().__init__(config)
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; notice a request that came before this server listened to signals itself."""
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._stop.is_asked

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self._stop.note(sig, frame)
        super().handle_exit(sig, frame)


def serve(
    parts: Parts, settings: Settings, *, with_web: bool, with_scheduler: bool, workers: int = 1
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in hand, and give the rest back.

    `workers` processes send: this one, and further ones it starts.

    Raises:
        CannotListenError: the port is taken; then nothing was sent either.
    """
    stop = StopRequest()
    stop.listen()
    settle_memory()
    listener = _listen(settings.web) if with_web else None
    crew = _crew(settings, workers if with_scheduler else 1)
    with _running_scheduler(parts, settings, stop, crew, wanted=with_scheduler):
        if listener is None:
            stop.wait()
        elif not stop.is_asked:
            _serve_pages(parts, settings.web, listener, stop)
    LOG.info("stopped")


def send_along(parts: Parts, settings: Settings) -> None:
    """Send what another process plans, until a signal or the end of standard input."""
    stop = StopRequest()
    stop.listen()
    settle_memory()
    Thread(target=_stop_at_end_of_input, args=[stop], daemon=True).start()
    every = timedelta(seconds=settings.scheduler.tick_seconds)
    scheduler = Scheduler(parts, every=every, only_sends=True)
    stop.tell = scheduler.ask_to_stop
    scheduler.start()
    stop.wait()
    scheduler.stop()


def _stop_at_end_of_input(stop: StopRequest) -> None:
    """Notice that the process that started this one is gone, even when it was killed."""
    while sys.stdin.buffer.read(1):
        pass
    stop.note(signal.SIGTERM, None)


def _crew(settings: Settings, workers: int) -> Crew:
    """Gather the further processes; the first is this one."""
    numbers = range(2, workers + 1)
    return Crew([member_command(settings.folder, number, workers) for number in numbers])


@contextmanager
def _running_scheduler(
    parts: Parts, settings: Settings, stop: StopRequest, crew: Crew, *, wanted: bool
) -> Iterator[None]:
    if not wanted:
        yield
        return
    scheduler = Scheduler(parts, every=timedelta(seconds=settings.scheduler.tick_seconds))

    def tell() -> None:
        scheduler.ask_to_stop()
        crew.ask_to_stop()

    stop.tell = tell
    scheduler.start()
    crew.start()
    LOG.info("scheduler started: a tick every %g seconds", settings.scheduler.tick_seconds)
    try:
        yield
    finally:
        LOG.info("stopping: finishing what is in hand")
        crew.ask_to_stop()
        scheduler.stop()
        crew.stop()


def _listen(web: Web) -> socket.socket:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((web.host, web.port))
    except OSError as error:
        listener.close()
        raise CannotListenError(web.host, web.port, error.strerror or str(error)) from error
    return listener


def _serve_pages(parts: Parts, web: Web, listener: socket.socket, stop: StopRequest) -> None:
    desk = Desk(parts.database, parts.site, parts.renderer, parts.clock)
    config = uvicorn.Config(
        create_app(desk),
        access_log=False,  # paths hold tokens that act for a person
        log_config=None,
        forwarded_allow_ips=list(web.trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    for worry in worries_about(parts.site.public_url):
        LOG.warning("%s", worry)
    LOG.info("pages at http://%s:%d, for people %s", web.host, web.port, parts.site.public_url)
    with listener:
        PageServer(config, stop).run(sockets=[listener])
