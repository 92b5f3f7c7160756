"""Further processes that send: shared out, started again when they die, gone when we are."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadypost import crew as crews
from steadypost.crew import Crew, share_of, shares
from steadypost.settings.leaving import Relay
from steadypost.settings.sections import Settings

SOON = 120.0  # seconds


@given(st.integers(1, 100), st.integers(1, 64))
def test_connections_are_shared_out_fairly_and_everybody_gets_one(
    connections: int, processes: int
) -> None:
    found = shares(connections, processes)

    assert len(found) == processes
    assert min(found) >= 1
    assert max(found) - min(found) <= 1
    assert sum(found) == max(connections, processes)


def test_a_process_that_dies_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "_FIRST_WAIT", 0.1)
    crew = Crew([_appending(tmp_path, then="sys.exit(1)")])

    crew.start()

    _wait_until(lambda: _starts(tmp_path) >= 2)
    crew.stop()


def test_all_are_asked_to_stop_and_waited_for(tmp_path: Path) -> None:
    crew = Crew([_appending(tmp_path, then="time.sleep(600)")] * 2)
    crew.start()
    _wait_until(lambda: _starts(tmp_path) == 2)

    crew.stop()  # it would take ten minutes if nobody was asked

    assert _starts(tmp_path) == 2


def test_a_process_sees_the_end_of_its_input_when_its_maker_is_killed(tmp_path: Path) -> None:
    ends = f"sys.stdin.read(); open({str(tmp_path / 'ended')!r}, 'w')"
    member = _appending(tmp_path, then=ends)
    start = f"from steadypost.crew import Crew; Crew([{member!r}]).start()"
    process = subprocess.Popen([sys.executable, "-c", f"{start}; import time; time.sleep(600)"])
    _wait_until(lambda: _starts(tmp_path) == 1)

    process.kill()
    process.wait()

    _wait_until((tmp_path / "ended").exists)


def _appending(folder: Path, *, then: str) -> list[str]:
    """Make a process that leaves a trace of its start."""
    mark = f"open({str(folder / 'starts')!r}, 'a').write('x')"
    return [sys.executable, "-c", f"import sys, time; {mark}; {then}"]


def _starts(folder: Path) -> int:
    path = folder / "starts"
    return len(path.read_text()) if path.exists() else 0


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


@given(st.integers(1, 100), st.floats(0.05, 1000), st.integers(1, 64))
def test_what_a_relay_takes_is_shared_out_whole(
    connections: int, rate: float, processes: int
) -> None:
    settings = load_shared(connections, rate)
    own = [share_of(settings, number, processes).relay for number in range(1, processes + 1)]

    assert [one.connections for one in own] == shares(connections, processes)
    assert sum(one.messages_per_second for one in own) == pytest.approx(rate)


def load_shared(connections: int, rate: float) -> Any:
    """Make just as much of the settings as is shared out."""
    relay = replace(Relay(), connections=connections, messages_per_second=rate)
    empty = dict.fromkeys((one.name for one in fields(Settings)), None)
    return Settings(**{**empty, "folder": Path(), "relay": relay, "relays": {}})  # type: ignore[arg-type]
