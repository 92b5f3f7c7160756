"""The command line answers at once, and says what it can do."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from steadypost.version import VERSION

ROOT = Path(__file__).parents[2]
HEAVY = {
    *("sqlalchemy", "alembic", "apscheduler", "jinja2", "litestar", "lxml", "premailer"),
    *("msgspec", "rich", "uvicorn", "email_validator", "psycopg", "scheduler", "campaigns"),
}


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["subscribers", "--help"], ["oops"]])
def test_asking_for_help_loads_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys, steadypost.cli.failing as f, steadypost.cli.root as r;"
        f"f.run(r.steadypost, {args!r});"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.rpartition("LOADED ")[2].split())
    assert loaded & HEAVY == set()


def test_the_version_is_the_one_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION
