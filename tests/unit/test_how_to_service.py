"""The service unit in the how-to is one that systemd can use, and that fits the program."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from steadypost.errors import ExitCode

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def unit() -> ConfigParser:
    text = (HOW_TO / "run-as-a-service.md").read_text("utf-8")
    found = re.search(r"```ini\n(.*?)```", text, re.DOTALL)
    assert found is not None
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(found[1])
    return parser


def test_the_unit_starts_the_service_for_a_site_and_at_boot() -> None:
    service = unit()["Service"]

    assert service["ExecStart"].endswith("/steadypost serve")
    assert service["Environment"] == f"STEADYPOST_SITE={service['ReadWritePaths']}"
    assert unit()["Install"]["WantedBy"] == "multi-user.target"
    assert unit()["Unit"]["After"] == "network-online.target"


def test_the_unit_lets_the_service_finish_what_is_in_hand() -> None:
    service = unit()["Service"]

    assert service["KillSignal"] == "SIGTERM"
    assert int(service["TimeoutStopSec"]) >= 60


def test_the_unit_restarts_what_failed_but_not_what_is_set_wrongly() -> None:
    service = unit()["Service"]

    assert service["Restart"] == "on-failure"
    never = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert never == {ExitCode.USAGE, ExitCode.SETTINGS}


def test_the_unit_shuts_the_service_in() -> None:
    service = unit()["Service"]

    assert service["User"] == service["Group"] == "steadypost"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert service["UMask"] == "0077"
    assert "AF_INET" in service["RestrictAddressFamilies"]
