"""docs/how-to/pace.md: its settings are settings, and what it quotes is what is said."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from delivery.rules.domain_pace import Limit
from steadypost.settings import FILE_NAME, load_settings
from steadypost.wiring import make_site
from tests.cli_stage import Terminal

HOW_TO = (Path(__file__).parents[2] / "docs/how-to/pace.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", HOW_TO, re.DOTALL)
QUOTES = re.findall(r"```text\n(.*?)\n```", HOW_TO, re.DOTALL)

CONSENT = ("--confirmed", "--consent", "paper form")


def write(terminal: Terminal, block: str) -> None:
    """Put a block of the how-to into the settings, as a person would."""
    path = terminal.folder / FILE_NAME
    for section, values in tomllib.loads(block).items():
        if section == "relays":
            tables = re.search(r"\[relays\..*", block, re.DOTALL)
            assert tables is not None
            path.write_text(path.read_text("utf-8") + "\n" + tables[0], "utf-8")
            continue
        for name in values:
            (line,) = re.findall(rf"^{name} = .*$", block.partition("[relays.")[0], re.MULTILINE)
            terminal.set(section, line)


def use_relay(terminal: Terminal) -> None:
    terminal.set("relay", 'host = "127.0.0.1"')


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_can_be_used_as_it_stands(terminal: Terminal, block: str) -> None:
    use_relay(terminal)
    write(terminal, block)

    settings = load_settings(terminal.folder, {})

    for section, values in tomllib.loads(block).items():
        for name, value in values.items():
            found: Any = getattr(settings, section)
            kept = found[name] if section == "relays" else getattr(found, name)
            assert _plain(kept, value) == _plain(value, value)


def _plain(kept: Any, written: Any) -> Any:
    if isinstance(written, dict):
        return {key: kept[key] if isinstance(kept, dict) else getattr(kept, key) for key in written}
    if isinstance(written, list):
        return list(kept)
    return str(kept) if isinstance(written, date) else kept


def test_what_it_says_of_the_lines_is_so(terminal: Terminal) -> None:
    write(terminal, next(block for block in BLOCKS if "per_domain" in block))

    limits = make_site(load_settings(terminal.folder, {})).domain_limits

    assert limits.limit_of("googlemail.com") == ("gmail.com", Limit(60, "minute"))
    assert limits.limit_of("company.example") == ("company.example", Limit(300, "minute"))
    assert "about 52 a minute" in HOW_TO
    assert round(60 / Limit(60, "minute").spacing) == 52


def test_status_and_why_say_what_it_quotes(terminal: Terminal) -> None:
    terminal.rehearse()
    terminal.set("pace", "daily_limit = 2")
    terminal.set("calendar", 'send_window = "07:00-21:00"')
    terminal.do("series", "import", "massage-benefits")
    for name in ("ada", "finn", "gwen"):
        terminal.do("subscribers", "add", f"{name}@gmail.com", *CONSENT)
    terminal.do("tick", "--at", "2026-11-24T10:00")

    from steadypost.status import gather_status

    with terminal.parts() as parts:
        zone = parts.site.zone
        with parts.database.reading() as session:
            at = max(one.due_at for one in _queued(session))
        found = gather_status(parts, now=at)
    assert found.quota is not None
    assert (found.quota.used, found.quota.waiting) == (2, 1)
    assert QUOTES[0] == found.quota.summary(zone, now=at)
    assert QUOTES[1] == found.quota.in_words(zone, now=at)
    assert len(terminal.mails()) == 2

    terminal.set("pace", "daily_limit = 0")
    terminal.set("pace", 'per_domain = ["gmail.com=60/minute"]')
    for name in ("hugo", "iris"):
        terminal.do("subscribers", "add", f"{name}@gmail.com", *CONSENT)
    terminal.do("tick", "--at", "2026-11-24T10:01")
    told = [terminal.do("why", f"{name}@gmail.com").out for name in ("gwen", "hugo", "iris")]
    assert any(QUOTES[2] in " ".join(text.split()) for text in told), told


def _queued(session: Any) -> list[Any]:
    from sqlalchemy import select

    from delivery.models import Delivery
    from delivery.rules.states import State

    return list(session.scalars(select(Delivery).where(Delivery.state == State.QUEUED)))
