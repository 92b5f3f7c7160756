"""The house stays as it was planned: names, sizes, directions, what the wheel holds."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("steadypost", "campaigns", "delivery", "storage", "subscribers", "templates", "web")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def product_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))
    yield ROOT / "scheduler.py"


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


def test_no_room_has_outgrown_its_size() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in product_files()
        if (lines := len(path.read_text().splitlines())) > 400 and "versions" not in path.parts
    }

    assert too_long == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}:{function.name}": length
        for path in product_files()
        if "versions" not in path.parts
        for function in functions_of(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > 40
    }

    assert too_long == {}


def test_nothing_is_named_for_no_topic() -> None:
    banned = {"utils", "util", "helpers", "helper", "manager", "handler", "common", "misc", "core"}

    assert [str(path) for path in product_files() if path.stem in banned] == []


def test_the_scheduler_imports_neither_the_web_nor_the_wiring() -> None:
    assert imports_of(ROOT / "scheduler.py").isdisjoint({"web", "steadypost", "sqlalchemy"})


def test_only_the_scheduler_imports_apscheduler() -> None:
    owners = {path.name for path in product_files() if "apscheduler" in imports_of(path)}

    assert owners == {"scheduler.py"}


def test_tests_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_other_distribution_owns_our_names() -> None:
    owners = importlib.metadata.packages_distributions()

    strangers = {
        name: found
        for name in (*PACKAGES, "scheduler")
        if (found := set(owners.get(name, [])) - {"steadypost"})
    }
    assert strangers == {}


def test_there_is_no_way_in_but_the_console_script() -> None:
    assert not (ROOT / "steadypost" / "__main__.py").exists()
    assert PROJECT["project"]["scripts"] == {"steadypost": "steadypost.cli:main"}


def test_every_error_class_is_met_by_a_test() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    never_met = [
        f"{path.parent.name}.{node.name}"
        for path in product_files()
        if path.name == "errors.py"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, ast.FunctionDef) for part in node.body)
        and not re.search(rf"\b{node.name}\b", tests)
    ]

    assert never_met == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    metadata = {name for name in tops if name.endswith(".dist-info")}
    assert tops - metadata == {*PACKAGES, "scheduler.py"}


def test_the_wheel_holds_every_file_that_git_tracks_in_them(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES, "scheduler.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert set(tracked) - set(wheel.namelist()) == set()
