"""Two services on one PostgreSQL, as two machines would be; and two by mistake on one SQLite."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from tests.service_stage import PEOPLE, SINK, Place, Service, Sink, import_people, wait_until

pytestmark = [
    pytest.mark.timeout(600),  # a PostgreSQL of its own, and four processes
    pytest.mark.skipif(
        not SINK.exists(),
        reason=f"NO {SINK}: several machines were NOT tested; run .ci/prepare",
    ),
]


@dataclass
class Server:
    """A PostgreSQL of its own, that may be broken; synced as on a real machine."""

    server: Any  # of pgserver, which has no types
    url: str

    def restart(self, how: str) -> None:
        """Stop it (`fast`: ends sessions, `immediate`: as if the power failed), and start it."""
        from pgserver._commands import pg_ctl

        data, user = self.server.pgdata, self.server.system_user
        pg_ctl(["-w", "-m", how, "restart"], pgdata=data, user=user)

    def count(self, *states: str) -> int:
        engine = create_engine(self.url)
        asked = text("SELECT count(*) FROM deliveries WHERE state = ANY(:states)")
        try:
            with suppress(DBAPIError), engine.connect() as connection:
                return int(connection.scalar(asked, {"states": list(states)}))
        finally:
            engine.dispose()
        return 0  # it does not answer just now


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory(prefix="steadypost-hosts-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pgserver

        started = pgserver.get_server(Path(folder, "data"), cleanup_mode="stop")
        started.psql("CREATE DATABASE clinic;")
        url = make_url(started.get_uri(database="clinic")).set(drivername="postgresql+psycopg")
        yield Server(started, url.render_as_string(hide_password=False))
        started.cleanup()


@dataclass
class Hosts:
    """Two machines: the same settings and keys, a folder of journals each."""

    first: Place
    second: Place
    server: Server
    people: set[str]

    def start(self) -> list[Service]:
        return [host.serve("--scheduler-only") for host in (self.first, self.second)]

    def arrived(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self.first.sink.mails())

    def wait_for_mails(self, count: int) -> None:
        folder = self.first.sink.folder
        wait_until(lambda: len(list(folder.glob("mail.*"))) >= count)

    def wait_for_the_end(self) -> None:
        wait_until(lambda: self.server.count("sent", "uncertain") == PEOPLE)

    def check(self) -> None:
        """Nobody twice; everybody has it, or is listed by name."""
        arrived = self.arrived()
        listed = {row["email"] for row in self.first.status()["uncertain"]}
        assert max(arrived.values()) == 1, "somebody got it twice"
        assert self.people - set(arrived) <= listed, "somebody was lost and is not listed"


@pytest.fixture
def hosts(server: Server, tmp_path: Path) -> Iterator[Hosts]:
    sink = Sink(tmp_path / "sink")
    first = _host(tmp_path / "one", sink, server)
    second = Place(tmp_path / "two", sink, first.pages)
    shutil.copytree(first.folder, second.folder)
    first.run("series", "import", "series/massage-benefits")
    yield Hosts(first, second, server, import_people(first))
    sink.end()


def _host(folder: Path, sink: Sink, server: Server) -> Place:
    folder.mkdir()
    place = Place(folder, sink, "http://127.0.0.1:8000")
    place.init()
    settings = folder / "steadypost.toml"
    url = server.url.replace("+psycopg", "")
    lines = settings.read_text().splitlines()
    found = [place for place, line in enumerate(lines) if line.startswith("# url = ")]
    lines[found[0]] = f'url = "{url}"'
    settings.write_text("\n".join(lines) + "\n")
    for left in folder.glob("steadypost.db*"):
        left.unlink()
    return place


@pytest.fixture
def ended(hosts: Hosts) -> Iterator[list[Service]]:
    """Give room for services that are cleaned up whatever happens."""
    services: list[Service] = []
    yield services
    for service in services:
        service.clean_up()


def test_two_machines_share_the_work_and_nobody_gets_it_twice(
    hosts: Hosts, ended: list[Service]
) -> None:
    ended += hosts.start()

    hosts.wait_for_the_end()
    codes = [service.end(signal.SIGTERM) for service in ended]

    assert codes == [0, 0]
    assert hosts.server.count("uncertain") == 0
    hosts.check()
    folders = [host.folder / "journal" for host in (hosts.first, hosts.second)]
    notes = [list(folder.glob("*.journal")) for folder in folders]
    assert all(notes), "each machine keeps its own journal"


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_sending_goes_on_by_itself_when_postgresql_comes_back(
    hosts: Hosts, ended: list[Service], how: str
) -> None:
    ended += hosts.start()
    hosts.wait_for_mails(30)

    hosts.server.restart(how)
    before = sum(hosts.arrived().values())
    hosts.wait_for_the_end()

    assert before < PEOPLE, "it was restarted too late to show anything"
    assert [service.end(signal.SIGTERM) for service in ended] == [0, 0]
    hosts.check()


def test_what_a_killed_machine_had_in_hand_is_listed_and_the_other_goes_on(
    hosts: Hosts, ended: list[Service]
) -> None:
    ended += hosts.start()
    hosts.wait_for_mails(30)

    ended[0].end(signal.SIGKILL)
    hosts.wait_for_the_end()

    assert ended[1].end(signal.SIGTERM) == 0
    hosts.check()
