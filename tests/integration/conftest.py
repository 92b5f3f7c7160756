"""What the integration tests share: a fault server, the day's certificates, a founded site."""

from __future__ import annotations

import importlib.util
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from delivery.smtp import RelaySettings, SmtpSender, Timeouts
from delivery.smtp_link import Clock
from tests.cli_stage import Terminal


def _load(path: Path) -> None:
    """Make a test tool importable by its name; `tests` is no package, on purpose."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)


_load(Path(__file__).parents[1] / "fault_server.py")


PATIENT = Timeouts(*[10.0] * len(fields(Timeouts)))


@pytest.fixture
def sender_to() -> Iterator[Callable[..., SmtpSender]]:
    """Make senders to a fault server, patient ones unless told otherwise, and close them."""
    senders: list[SmtpSender] = []

    def make(server: Any, *, clock: Clock = time.monotonic, **changes: Any) -> SmtpSender:
        changes["timeouts"] = replace(PATIENT, **changes.get("timeouts", {}))
        plain = {"host": "127.0.0.1", "security": "none", "helo_name": "post.riverside.example"}
        settings = RelaySettings(port=server.port, **{**plain, **changes})
        senders.append(SmtpSender(settings, clock=clock))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close()


@dataclass(frozen=True)
class Certificates:
    """A private authority, and what it signed."""

    authority: Path  # the authority's own certificate: what clients must trust
    right: ssl.SSLContext  # a server called localhost, 127.0.0.1
    wrong_name: ssl.SSLContext  # a server called other.example


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make an authority and two servers' certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command: TLS to relays was NOT tested")
    folder = tmp_path_factory.mktemp("certificates")
    _openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=authority -keyout ca.key -out ca.pem"
        " -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
    )
    return Certificates(
        folder / "ca.pem",
        _server(folder, "right", "DNS:localhost,IP:127.0.0.1"),
        _server(folder, "wrong", "DNS:other.example"),
    )


def _server(folder: Path, name: str, names: str) -> ssl.SSLContext:
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    _openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        f" -subj /CN={name} -keyout {name}.key -out {name}.csr",
    )
    _openssl(
        folder,
        f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        f" -extfile {name}.ext -out {name}.pem",
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def founded_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set up one site by `steadypost init`; every test gets a copy."""
    folder = tmp_path_factory.mktemp("founded") / "site"
    Terminal(folder).init()
    Terminal(folder).set("calendar", 'send_window = "00:00-24:00"')  # tests run at any hour
    return folder


@pytest.fixture
def terminal(founded_site: Path, tmp_path: Path) -> Terminal:
    """Sit at a terminal in the folder of a fresh site."""
    folder = tmp_path / "site"
    shutil.copytree(founded_site, folder)
    return Terminal(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, terminal: Terminal) -> Terminal:
    """Put the site on either store."""
    if request.param == "postgresql":
        request.getfixturevalue("postgresql_database")
        url = str(request.getfixturevalue("postgresql_url")).replace("+psycopg", "")
        terminal.set("database", f'url = "{url}"')
        terminal.do("series", "import", str(terminal.folder / "series" / "massage-benefits"))
    return terminal
