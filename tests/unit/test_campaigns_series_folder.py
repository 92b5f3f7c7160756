"""A series folder is read whole or not at all, and every fault has its place."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import Fault, FolderInUseError, SeriesFolderError
from campaigns.rules.standing import FirstStep
from campaigns.series_folder import (
    FolderStep,
    SeriesFolder,
    read_series_folder,
    write_series_folder,
)

GOOD = """\
title: Your weekly series
list: weekly
description: Six short emails.
theme: calm
send_hour: 9
first_step: next slot
priority: 50
steps:
  - key: hello
    file: 01-hello.md
    wait_days: 0
  - key: sleep
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "welcome"
    path.mkdir()
    (path / "series.yaml").write_text(GOOD, "utf-8")
    (path / "01-hello.md").write_text("Hello\n", "utf-8")
    (path / "sleep.md").write_text("Sleep well ☾\n", "utf-8")
    return path


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(SeriesFolderError) as caught:
        read_series_folder(folder)
    return [str(fault) for fault in caught.value.faults]


def change(folder: Path, before: str, after: str) -> None:
    text = (folder / "series.yaml").read_text("utf-8")
    assert before in text
    (folder / "series.yaml").write_text(text.replace(before, after), "utf-8")


def test_a_series_is_read_with_its_documents_and_the_usual_values(folder: Path) -> None:
    assert read_series_folder(folder) == SeriesFolder(
        slug="welcome",
        title="Your weekly series",
        description="Six short emails.",
        theme="calm",
        first_step=FirstStep.NEXT_SLOT,
        priority=50,
        steps=(
            FolderStep("hello", "01-hello.md", 0, "Hello\n"),
            FolderStep("sleep", "sleep.md", 7, "Sleep well ☾\n"),
        ),
    )


def test_a_series_can_be_named_otherwise_than_its_folder(folder: Path) -> None:
    assert read_series_folder(folder, slug="spring").slug == "spring"


def test_what_is_written_reads_back_equal(folder: Path, tmp_path: Path) -> None:
    found = read_series_folder(folder)

    write_series_folder(found, tmp_path / "copy" / "welcome")

    assert read_series_folder(tmp_path / "copy" / "welcome") == found


slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
lines = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60).map(
    lambda text: " ".join(text.split())
)
documents = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])).filter(
    lambda text: not text.startswith("\ufeff")
)


@settings(max_examples=60, deadline=None)
@given(
    title=lines.filter(bool),
    description=lines,
    keys=st.lists(slugs, min_size=1, max_size=4, unique=True),
    texts=st.lists(documents, min_size=4, max_size=4),
    hour=st.integers(0, 23),
    closing=st.sampled_from(["no", "yes", "goodbye.md"]),
)
def test_any_series_survives_the_way_through_a_folder(
    tmp_path_factory: pytest.TempPathFactory,
    title: str,
    description: str,
    keys: list[str],
    texts: list[str],
    hour: int,
    closing: str,
) -> None:
    steps = tuple(
        FolderStep(key, f"{place}-{key}.md", place, text)
        for place, (key, text) in enumerate(zip(keys, texts, strict=False))
    )
    own = {"completion_file": closing, "completion_document": texts[-1]}
    series = SeriesFolder(
        "welcome",
        title,
        steps,
        description=description,
        send_hour=hour,
        completion_email=closing != "no",
        **(own if closing == "goodbye.md" else {}),
    )
    path = tmp_path_factory.mktemp("series") / "welcome"

    write_series_folder(series, path)

    assert read_series_folder(path) == series


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "title: Your",
            "tilte: Your",
            "series.yaml, line 1: unknown key 'tilte'; did you mean 'title'?",
        ),
        (
            "title: Your weekly series",
            "title:",
            "series.yaml, line 1: 'title' is missing; readers see it",
        ),
        (
            "send_hour: 9",
            "send_hour: 9:30",
            "series.yaml, line 5: 'send_hour' must be a whole number from 0 to 23, not '9:30'",
        ),
        (
            "send_hour: 9",
            "send_hour: 24",
            "series.yaml, line 5: 'send_hour' must be a whole number from 0 to 23, not '24'",
        ),
        (
            "first_step: next slot",
            "first_step: at onec",
            "series.yaml, line 6: 'first_step' is 'at onec'; did you mean 'at once'?",
        ),
        (
            "list: weekly",
            "list: Weekly Mail",
            "series.yaml, line 2: 'list' cannot be 'Weekly Mail'; use up to 64 lower-case "
            "letters, digits and single hyphens, like 'how-it-works'",
        ),
        (
            "list: weekly",
            "title: again",
            "series.yaml, line 2: key 'title' stands here a second time; keep one",
        ),
        (
            "    wait_days: 0",
            "    wait_days: -1",
            "series.yaml, line 11: 'wait_days' must be a whole number from 0 to 365, not '-1'",
        ),
        (
            "  - key: sleep",
            "  - key: sleep\n    wait_days: 0",
            "series.yaml, line 13: 'wait_days' must be a whole number from 1 to 365, not '0'",
        ),
        (
            "  - key: sleep",
            "  - file: sleep.md",
            "series.yaml, line 12: step 2 has no 'key'; give it a lasting name",
        ),
        (
            "  - key: sleep",
            "  - key: hello\n    file: sleep.md",
            "series.yaml: 2 steps have the key 'hello'; each needs its own",
        ),
        (
            "  - key: sleep",
            "  - key: sleep\n    file: 01-hello.md",
            "series.yaml: 2 emails have the file '01-hello.md'; each needs its own",
        ),
        (
            "send_hour: 9",
            "completion_email: perhaps",
            "series.yaml, line 5: 'completion_email' is 'perhaps'; write yes, no, or the file with "
            "your own words, like 'goodbye.md'",
        ),
        (
            "send_hour: 9",
            "completion_email: ../goodbye.md",
            "../goodbye.md: must be the plain name of a file in the folder, like '01-welcome.md'",
        ),
        (
            "send_hour: 9",
            "completion_email: 01-hello.md",
            "series.yaml: 2 emails have the file '01-hello.md'; each needs its own",
        ),
        (
            "  - key: sleep",
            "  - sleep",
            "series.yaml, line 12: a step must be lines of 'key: value'",
        ),
        (
            "    wait_days: 0",
            "    wait_dyas: 0",
            "series.yaml, line 11: unknown key 'wait_dyas'; did you mean 'wait_days'?",
        ),
        (
            "description: Six short emails.",
            "description: [Six, short]",
            "series.yaml, line 3: 'description' must be a text",
        ),
        (
            "description: Six short emails.",
            'description: "Six \\a"',
            "series.yaml, line 3: 'description' holds a character nobody can see; type it again",
        ),
        (
            "title: Your weekly series",
            f"title: {'x' * 201}",
            "series.yaml, line 1: 'title' has 201 characters; use at most 200",
        ),
        (
            "list: weekly",
            "list: &name weekly",
            "series.yaml, line 2: anchors (&) and aliases (*) are not allowed; write it out",
        ),
        (
            "list: weekly",
            "list: [weekly",
            "series.yaml, line 3: no valid YAML: expected ',' or ']', but got ':'",
        ),
        (
            "list: weekly",
            "list: \x07",
            "series.yaml: no valid YAML: unacceptable character #x0007: "
            "special characters are not allowed",
        ),
        (
            "list: weekly",
            "list: " + "[" * 50_000,
            "series.yaml, line 2: this is nested too deeply",
        ),
        (
            "file: 01-hello.md",
            "file: ../01-hello.md",
            "../01-hello.md: must be the plain name of a file in the folder, like '01-welcome.md'",
        ),
        (
            "file: 01-hello.md",
            "file: series.yaml",
            "series.yaml: must be the plain name of a file in the folder, like '01-welcome.md'",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(folder: Path, before: str, after: str, fault: str) -> None:
    change(folder, before, after)

    assert fault in faults_of(folder)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "series.yaml: the file must be lines of 'key: value'"),
        ("- a\n- b\n", "series.yaml, line 1: the file must be lines of 'key: value'"),
        ("title: x\nsteps: []\n", "series.yaml, line 2: 'steps' has 0 of them; a series has 1 to"),
        ("title: x\n", "series.yaml: 'steps' has 0 of them; a series has 1 to 400"),
        ("title: x\nsteps: y\n", "line 2: 'steps' must be a list, each item beginning with '-'"),
        ("title: x\n---\ntitle: y\n", "series.yaml, line 2: no valid YAML: but found another"),
        ("? [a]\n: x\n", "series.yaml, line 1: unknown key '?'"),
        ("x" * 100_001, "series.yaml: is longer than 100,000 bytes"),
    ],
)
def test_a_file_of_another_shape_is_refused(folder: Path, text: str, fault: str) -> None:
    (folder / "series.yaml").write_text(text, "utf-8")

    assert any(fault in found for found in faults_of(folder))


def test_a_fault_tells_its_line_only_where_it_has_one() -> None:
    assert str(Fault("series.yaml", 3, "bad")) == "series.yaml, line 3: bad"
    assert str(Fault("sleep.md", 0, "bad")) == "sleep.md: bad"


def test_all_faults_are_told_at_once(folder: Path) -> None:
    change(folder, "send_hour: 9", "send_hour: late")
    change(folder, "priority: 50", "prio: 50")
    (folder / "sleep.md").unlink()

    with pytest.raises(
        SeriesFolderError, match="cannot use series folder 'welcome'; put"
    ) as caught:
        read_series_folder(folder)

    assert [(fault.file, fault.line) for fault in caught.value.faults] == [
        ("series.yaml", 5),
        ("series.yaml", 7),
        ("sleep.md", 0),
    ]


def test_a_missing_document_is_a_fault(folder: Path) -> None:
    (folder / "sleep.md").unlink()

    assert faults_of(folder) == [f"sleep.md: there is no such file in {folder}"]


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "none") == [
        f"series.yaml: there is no such file in {tmp_path / 'none'}"
    ]


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", "utf-8")
    (folder / "sleep.md").unlink()
    (folder / "sleep.md").symlink_to(tmp_path / "secret")

    assert faults_of(folder) == ["sleep.md: is a link to somewhere else; put the file itself here"]


def test_a_document_that_is_no_text_names_the_line(folder: Path) -> None:
    (folder / "sleep.md").write_bytes(b"fine\nna\xefve\n")

    assert faults_of(folder) == ["sleep.md, line 2: not UTF-8 text; save the file as UTF-8"]


def test_a_document_with_a_nul_is_refused(folder: Path) -> None:
    (folder / "sleep.md").write_bytes(b"fine\0")

    assert faults_of(folder) == ["sleep.md: holds a NUL character; save it as plain text"]


def test_a_document_of_any_size_is_not_read(folder: Path) -> None:
    (folder / "sleep.md").write_bytes(b"x" * 200_001)

    assert faults_of(folder) == ["sleep.md: is longer than 200,000 bytes"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_document_that_may_not_be_read_is_a_fault(folder: Path) -> None:
    (folder / "sleep.md").chmod(0)

    assert faults_of(folder) == ["sleep.md: cannot be read: permission denied"]


def test_a_document_saved_on_windows_reads_the_same(folder: Path) -> None:
    (folder / "sleep.md").write_bytes("\ufeffSleep\r\nwell\r\n".encode())

    assert read_series_folder(folder).steps[1].document == "Sleep\nwell\n"


def test_a_folder_with_an_impossible_name_is_refused(folder: Path) -> None:
    with pytest.raises(SeriesFolderError, match="My Series: a series cannot be named so; use up"):
        read_series_folder(folder, slug="My Series")


def test_more_steps_than_a_series_may_have_are_refused(folder: Path) -> None:
    steps = "".join(f"  - key: s{number}\n" for number in range(401))
    (folder / "series.yaml").write_text(f"title: x\nsteps:\n{steps}", "utf-8")

    assert any("'steps' has 401 of them; a series has 1 to 400" in one for one in faults_of(folder))


def test_a_series_is_not_written_over_something_else(folder: Path) -> None:
    with pytest.raises(FolderInUseError, match=f"folder is not empty: {folder}; name a new one"):
        write_series_folder(read_series_folder(folder), folder)


def test_a_document_is_not_written_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    good = read_series_folder(folder)
    bad = replace(good, steps=(replace(good.steps[0], file="../evil.md"),))

    with pytest.raises(SeriesFolderError, match=r"\.\./evil\.md: no file name"):
        write_series_folder(bad, tmp_path / "out")

    assert not (tmp_path / "evil.md").exists()
