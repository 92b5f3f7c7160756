"""What the docs say is what the code is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from delivery.rules.states import MOVES, State
from subscribers.rules.standing import Standing

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def table_after(heading: str, text: str) -> list[list[str]]:
    """Read the rows of the first table after a heading."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize(
    ("heading", "states"),
    [
        ("Delivery", State),
        ("Subscription", Standing),
        ("Enrolment", EnrolmentStatus),
        ("Series", SeriesStatus),
        ("Broadcast", BroadcastStatus),
    ],
)
def test_the_table_of_states_is_the_enum(heading: str, states: type) -> None:
    rows = table_after(heading, (DOCS / "states.md").read_text())

    assert [row[0].strip("`") for row in rows] == [state.value for state in states]  # type: ignore[attr-defined]


def test_the_table_of_moves_is_the_one_in_the_code() -> None:
    rows = table_after("Moves of a delivery", (DOCS / "states.md").read_text())
    documented = {(row[0].strip("`"), row[1].strip("`")) for row in rows}

    assert documented == {
        (before.value, after.value) for before, moves in MOVES.items() for after in moves
    }


def test_every_dependency_is_explained() -> None:
    text = (DOCS / "dependencies.md").read_text().lower()
    named = [
        re.split(r"[\[<>=,]", line)[0]
        for line in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    ]

    assert [name for name in named if name.lower() not in text] == []


def test_every_dependency_is_pinned() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    named = [
        re.split(r"[\[<>=,]", line)[0].lower()
        for line in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    ]

    assert set(named) - pinned == set()


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "adr" / "README.md").read_text()

    assert [path.name for path in (DOCS / "adr").glob("0*.md") if path.name not in listed] == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_docs_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text())
    inside = [target for target in targets if "://" not in target and "{" not in target]

    assert [target for target in inside if not (path.parent / target).exists()] == []


def test_every_rule_of_a_series_names_tests_that_exist() -> None:
    rows = [
        line.split("|")
        for line in (DOCS / "series-rules.md").read_text().splitlines()
        if re.match(r"\| \d", line)
    ]
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = [re.findall(r"`(test_[a-z0-9_]+)`", row[3]) for row in rows]

    assert [int(row[1]) for row in rows] == list(range(1, 23))
    assert all(named)
    missing = [name for names in named for name in names if f"def {name}(" not in written]
    assert missing == []
