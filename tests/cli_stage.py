"""A stage for tests of the command line: a folder with a site, and a terminal in it."""

from __future__ import annotations

import json
import mailbox
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from scheduler import Parts
from steadypost.cli.failing import run
from steadypost.cli.root import steadypost
from steadypost.settings import FILE_NAME, load_settings
from steadypost.wiring import opened_parts

ANSWERS = (
    *("--name", "Riverside Clinic", "--postal-address", "12 Mill Lane, Riverside"),
    *("--time-zone", "Europe/Berlin", "--from-address", "hello@riverside.example"),
    *("--relay", "maildir:outbox", "--public-url", "https://post.riverside.example"),
)
STEP = "massage-benefits/1"


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read what it printed as JSON."""
        return json.loads(self.out)


@dataclass
class Terminal:
    """A terminal in the folder of a site."""

    folder: Path

    def type(self, *args: str, answers: str = "") -> Done:
        """Run one command."""
        runner = CliRunner()
        with runner.isolation(answers) as (out, err, _):
            code = run(steadypost, ["--site", str(self.folder), *args])
        return Done(code, out.getvalue().decode(), err.getvalue().decode())

    def do(self, *args: str) -> Done:
        """Run one command that must succeed."""
        done = self.type(*args)
        assert done.code == 0, f"{args}: {done.out}{done.err}"
        return done

    def init(self) -> None:
        """Set up the site."""
        self.do("init", *ANSWERS)

    def set(self, section: str, line: str) -> None:
        """Put a line into a section of the settings, in place of the commented one."""
        path, (name, _) = self.folder / FILE_NAME, line.split(" = ", 1)
        text = re.sub(rf"(?m)^(# )?{name} = .*$\n?", "", path.read_text("utf-8"))
        path.write_text(text.replace(f"[{section}]\n", f"[{section}]\n{line}\n"), "utf-8")

    def rehearse(self) -> None:
        """Allow ticks at other times."""
        self.set("clock", "allow_override = true")

    def mails(self) -> list[EmailMessage]:
        """List what left, in the order it did."""
        box = mailbox.Maildir(self.folder / "outbox", create=True)
        raw = [box.get_bytes(key) for key in sorted(box.keys(), key=_order)]
        return [message_from_bytes(one, policy=policy.default) for one in raw]

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        """Open the site beside the terminal."""
        with opened_parts(load_settings(self.folder, {})) as parts:
            yield parts


def _order(key: str) -> tuple[float, str]:
    """Read the time in a maildir's file name: seconds, then M and the microseconds."""
    seconds, _, rest = key.partition(".")
    found = re.match(r"M(\d+)", rest)
    return float(seconds) + (int(found[1]) / 1e6 if found else 0.0), key


def text_of(mail: EmailMessage) -> str:
    """Read the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
