"""Set the stage: a temporary site, its pages, a mailbox with an SMTP door, and the clients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import uvicorn

from campaigns.series_folder import read_series_folder
from scheduler import Parts
from steadypost.demo.behaviour import ClientLife
from steadypost.demo.clock import VirtualClock
from steadypost.demo.display import Place
from steadypost.demo.mailbox import Mailbox, MailboxServer, free_port
from steadypost.demo.people import invent_clients
from steadypost.demo.viewer import create_viewer
from steadypost.founding import SHIPPED_SERIES, found_site
from steadypost.series_import import import_series_named
from steadypost.settings import Settings
from steadypost.wiring import open_parts
from web.app import create_app
from web.desk import Desk, Limits

# A Monday, four weeks before Berlin's clocks change and one before New York's.
START = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Stage:
    """Everything the demo plays with."""

    parts: Parts
    clock: VirtualClock
    mailbox: Mailbox
    lives: list[ClientLife]
    places: list[Place]
    series_parts: int


@contextmanager
def set_stage(*, clients: int) -> Iterator[Stage]:
    """Put up the whole stage for the length of a block, and take it down without a trace."""
    with ExitStack() as props:
        folder = Path(props.enter_context(TemporaryDirectory(prefix="steadypost-demo-")))
        clock = VirtualClock(START)
        mailbox, smtp_port = _open_mailbox(props, clock)
        web_port = free_port()
        settings = _found_site(folder, smtp_port=smtp_port, web_port=web_port)
        parts = _open_parts(props, settings, clock)
        people = invent_clients(clients)
        desk = Desk(parts.database, parts.site, parts.renderer, clock, limits=_generous(clients))
        _serve(props, create_app(desk), web_port)
        viewer_port = free_port()
        _serve(props, create_viewer(mailbox, people), viewer_port)
        signup = f"{parts.site.public_url}/signup/weekly"
        lives = [
            ClientLife(client, signup_url=signup, mailbox=mailbox, clock=clock) for client in people
        ]
        places = [Place("Sign up yourself", signup), *_mailbox_places(viewer_port)]
        yield Stage(parts, clock, mailbox, lives, places, _count_parts(settings))


def _open_mailbox(props: ExitStack, clock: VirtualClock) -> tuple[Mailbox, int]:
    mailbox, port = Mailbox(clock), free_port()
    server = MailboxServer(mailbox, port=port)
    server.start()
    props.callback(server.stop)
    return mailbox, port


def _found_site(folder: Path, *, smtp_port: int, web_port: int) -> Settings:
    chosen: dict[tuple[str, str], Any] = {
        ("clinic", "name"): "Riverside Clinic",
        ("clinic", "postal_address"): "12 Mill Lane, Riverside RV1 2AB",
        ("clinic", "time_zone"): "Europe/Berlin",
        ("clinic", "website"): "https://riverside.example",
        ("clinic", "booking_url"): "https://riverside.example/book",
        ("clinic", "learn_more_url"): "https://riverside.example/learn",
        ("clinic", "sign_off"): "Mara and the team",
        ("mail", "from_address"): "hello@riverside.example",
        ("relay", "host"): "127.0.0.1",
        ("relay", "port"): smtp_port,
        ("relay", "security"): "none",
        ("web", "public_url"): f"http://127.0.0.1:{web_port}",
        ("web", "port"): web_port,
    }
    return found_site(folder, chosen)


def _open_parts(props: ExitStack, settings: Settings, clock: VirtualClock) -> Parts:
    parts = replace(open_parts(settings), clock=clock, brake=None, uptime=None)
    props.callback(parts.database.close)
    props.callback(parts.sender.close)
    import_series_named(parts, settings, SHIPPED_SERIES)
    return parts


def _count_parts(settings: Settings) -> int:
    folder = settings.path(settings.series.folders[0]) / SHIPPED_SERIES
    return len(read_series_folder(folder).steps)


def _generous(clients: int) -> Limits:
    """Allow that all clients come from this one machine."""
    return replace(Limits(), sign_ups_per_network=10 * clients)


def _serve(props: ExitStack, app: Any, port: int) -> None:
    """Serve an application on loopback in a thread of its own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, name=f"pages-{port}", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=timedelta(seconds=10).total_seconds())

    props.callback(stop)


def _mailbox_places(port: int) -> list[Place]:
    mailbox = f"http://127.0.0.1:{port}"
    return [
        Place("The mailbox: every mail that arrived", f"{mailbox}/"),
        Place("One mail, with its HTML and its text", f"{mailbox}/mail/2"),
    ]
