"""Series are published whole or not at all, and what was published stays what it was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.errors import (
    SeriesFolderError,
    SeriesOnOtherListError,
    UnknownSeriesError,
    UnpublishableChangeError,
)
from campaigns.models import Revision, Series, Step, Surroundings
from campaigns.publishing import (
    ImportedSeries,
    edition_of,
    export_series,
    import_series,
    publish_changes,
)
from campaigns.series_folder import FolderStep, SeriesFolder, read_series_folder
from campaigns.site import Site
from campaigns.store import find_series, steps_of
from storage.database import Database
from subscribers.models import MailingList
from templates.theme import BUILTIN
from tests.sending_stage import RENDERER, Clock
from tests.series_stage import SeriesStage

SHIPPED = Path(__file__).parents[2] / "templates" / "builtin" / "series" / "massage-benefits"


def text(words: str) -> str:
    return f"---\nsubject: {words}\n---\n# {words}\n\nSome lines about {words}.\n"


def folder_of(*keys: str, **values: Any) -> SeriesFolder:
    steps = tuple(
        FolderStep(key, f"{key}.md", 7 if place else 0, text(key)) for place, key in enumerate(keys)
    )
    return SeriesFolder("welcome", "Your weekly series", steps, **values)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


def publish(stage: SeriesStage, folder: SeriesFolder) -> ImportedSeries:
    site, now = stage.site, stage.clock.now
    found: ImportedSeries = stage.do(
        lambda s: import_series(s, folder, site=site, renderer=RENDERER, now=now)
    )
    return found


def publish_again(stage: SeriesStage) -> int:
    site, now = stage.site, stage.clock.now
    return int(stage.do(lambda s: publish_changes(s, site=site, renderer=RENDERER, now=now)))


def steps(stage: SeriesStage) -> list[Step]:
    return list(stage.ask(lambda s: steps_of(s, find_series(s, "welcome").id)))


def revisions(stage: SeriesStage) -> int:
    return int(stage.ask(lambda s: s.scalar(select(func.count()).select_from(Revision))))


# Import and export


def test_the_shipped_series_comes_out_as_it_went_in(stage: SeriesStage) -> None:
    folder = read_series_folder(SHIPPED)

    imported = publish(stage, folder)

    assert imported.is_new
    assert imported.added == tuple(step.key for step in folder.steps)
    assert stage.ask(lambda s: export_series(s, "massage-benefits")) == folder


def test_importing_the_same_again_changes_nothing(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))

    assert publish(stage, folder_of("hello", "sleep")) == ImportedSeries("welcome", is_new=False)
    assert revisions(stage) == 2


def test_a_list_that_is_not_there_is_made(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", list_slug="spring"))

    found = stage.ask(lambda s: s.scalars(select(MailingList)).one())
    assert (found.slug, found.title) == ("spring", "Your weekly series")


def test_a_changed_text_becomes_a_new_revision_of_the_same_step(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))
    before = steps(stage)
    folder = folder_of("hello", "sleep")
    changed = replace(folder.steps[0], document=text("a better hello"))

    imported = publish(stage, replace(folder, steps=(changed, folder.steps[1])))

    after = steps(stage)
    assert imported.changed == ("hello",)
    assert [step.id for step in after] == [step.id for step in before]
    assert after[0].revision_id != before[0].revision_id
    assert after[1].revision_id == before[1].revision_id
    old = stage.ask(lambda s: s.get(Revision, before[0].revision_id))
    assert old.document == text("hello")


def test_a_text_taken_back_gets_its_old_revision_back(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello"))
    before = steps(stage)[0].revision_id
    better = replace(folder_of("hello").steps[0], document=text("better"))
    publish(stage, replace(folder_of("hello"), steps=(better,)))

    publish(stage, folder_of("hello"))

    assert steps(stage)[0].revision_id == before
    assert revisions(stage) == 2


def test_a_step_that_leaves_the_folder_is_unpublished_and_keeps_its_id_and_place(
    stage: SeriesStage,
) -> None:
    publish(stage, folder_of("hello", "sleep", "walk"))
    ids = {step.key: step.id for step in steps(stage)}

    imported = publish(stage, folder_of("hello", "walk", "rest"))

    found = [(step.key, step.published, step.position) for step in steps(stage)]
    assert imported == ImportedSeries("welcome", False, ("rest",), (), ("sleep",))
    assert found == [
        ("hello", True, 1),
        ("sleep", False, 2),
        ("walk", True, 3),
        ("rest", True, 4),
    ]
    assert {key: step.id for key, step in zip(ids, steps(stage), strict=False)} == ids


def test_a_step_that_returns_is_the_one_it_was(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))
    before = steps(stage)[1].id
    publish(stage, folder_of("hello"))

    imported = publish(stage, folder_of("hello", "sleep"))

    assert imported.changed == ("sleep",)
    assert (steps(stage)[1].id, steps(stage)[1].published) == (before, True)


def test_another_order_and_another_wait_are_taken_over(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))

    imported = publish(stage, folder_of("sleep", "hello"))

    assert [(step.key, step.wait_days) for step in steps(stage)] == [("sleep", 0), ("hello", 7)]
    assert imported.changed == ("sleep", "hello")


def test_people_inside_are_looked_at_again_after_an_import(stage: SeriesStage, cast: Any) -> None:
    publish(stage, folder_of("hello", "sleep"))
    stage.tick()
    stage.queue()
    stage.clock.move(minutes=5)

    publish(stage, folder_of("hello", "sleep", "walk"))

    assert [one.look_at for one in stage.enrolments()] == [stage.clock.now]


def test_every_broken_text_is_named_and_nothing_is_taken_over(stage: SeriesStage) -> None:
    good = folder_of("hello", "sleep", "walk")
    broken = replace(
        good,
        steps=(
            good.steps[0],
            replace(
                good.steps[1], document="---\nsubject: x\n---\n# Hi {{ subscriber.fist_name }}"
            ),
            replace(good.steps[2], document="---\nsubject: x\n---\n# Hi\n\n{% if %}"),
        ),
    )

    with pytest.raises(SeriesFolderError, match="cannot use series folder 'welcome'") as caught:
        publish(stage, broken)

    assert [(fault.file, fault.line) for fault in caught.value.faults] == [
        ("sleep.md", 4),
        ("walk.md", 6),
    ]
    assert "did you mean" in str(caught.value)
    assert stage.ask(lambda s: s.scalars(select(Series)).all()) == []


def test_a_text_without_a_subject_is_refused(stage: SeriesStage) -> None:
    good = folder_of("hello")
    bad = replace(good.steps[0], document="---\nsubject: '{{ subscriber.first_name }}'\n---\n# Hi")

    with pytest.raises(SeriesFolderError, match=r"hello\.md, line 2: the subject comes out empty"):
        publish(stage, replace(good, steps=(bad,)))


def test_an_unknown_theme_is_refused(stage: SeriesStage) -> None:
    with pytest.raises(SeriesFolderError, match=r"series\.yaml: .*clam"):
        publish(stage, folder_of("hello", theme="clam"))


def test_a_clinic_without_a_postal_address_can_still_write_its_series(
    stage: SeriesStage,
) -> None:
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "postal_address": ""})

    assert publish(stage, folder_of("hello")).is_new


def test_a_series_does_not_take_its_people_to_another_list(stage: SeriesStage, cast: Any) -> None:
    publish(stage, folder_of("hello"))
    stage.tick()

    with pytest.raises(
        SeriesOnOtherListError,
        match="cannot move series 'welcome' from list 'weekly' to 'spring': people are in it",
    ):
        publish(stage, folder_of("hello", list_slug="spring"))


def test_a_series_without_people_can_change_its_list(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello"))

    publish(stage, folder_of("hello", list_slug="spring"))

    assert stage.ask(lambda s: export_series(s, "welcome")).list_slug == "spring"


@pytest.mark.parametrize("known", [True, False])
def test_a_series_that_is_not_there_is_named_with_those_that_are(
    stage: SeriesStage, known: bool
) -> None:
    advice = "import one with 'steadypost series import'"
    if known:
        publish(stage, folder_of("hello"))
        advice = r"did you mean 'welcome'\?"

    with pytest.raises(UnknownSeriesError, match=f"no series is named 'welcom'; {advice}"):
        stage.ask(lambda s: export_series(s, "welcom"))


# Theme and clinic


def test_publishing_without_a_change_does_nothing(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))

    assert publish_again(stage) == 0
    assert revisions(stage) == 2


def test_new_facts_about_the_clinic_become_new_revisions(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))
    before = steps(stage)[0].revision_id
    assert before is not None
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "phone": "112"})

    assert publish_again(stage) == 2
    assert publish_again(stage) == 0

    after = steps(stage)[0].revision_id
    assert after is not None
    names = frozenset({"city"})
    old = stage.ask(lambda s: edition_of(s, before, attribute_names=names))
    new = stage.ask(lambda s: edition_of(s, after, attribute_names=names))
    assert (old.clinic["phone"], new.clinic["phone"]) == ("+44 20 7946 0000", "112")
    assert old.document == new.document
    assert old.digest != new.digest
    assert new.attribute_names == names


def test_an_unpublished_step_is_left_as_it_was(stage: SeriesStage) -> None:
    publish(stage, folder_of("hello", "sleep"))
    publish(stage, folder_of("hello"))
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "phone": "112"})

    assert publish_again(stage) == 1


@pytest.fixture
def own_theme(stage: SeriesStage, tmp_path: Path) -> Path:
    """Copy a theme into a folder of the clinic's own; publish a series dressed in it."""
    shutil.copytree(BUILTIN / "calm", tmp_path / "themes" / "ours")
    stage.site = replace(stage.site, themes_folder=tmp_path / "themes")
    publish(stage, folder_of("hello", theme="ours"))
    return tmp_path / "themes" / "ours"


def test_a_changed_theme_becomes_a_new_revision(stage: SeriesStage, own_theme: Path) -> None:
    style = own_theme / "inline.css"
    style.write_text(style.read_text("utf-8") + "\np { margin: 1px }\n", "utf-8")

    assert publish_again(stage) == 1
    assert stage.ask(lambda s: s.scalar(select(func.count()).select_from(Surroundings))) == 2


@pytest.mark.parametrize("deed", ["break", "remove"])
def test_a_broken_theme_leaves_the_last_good_revision_in_place(
    stage: SeriesStage, own_theme: Path, deed: str
) -> None:
    before = steps(stage)[0].revision_id
    if deed == "break":
        (own_theme / "layout.html").write_text("{% block %}", "utf-8")
    else:
        shutil.rmtree(own_theme)

    with pytest.raises(
        UnpublishableChangeError,
        match=r"cannot publish the changed theme or clinic facts in series 'welcome': .*goes on",
    ):
        publish_again(stage)

    assert steps(stage)[0].revision_id == before


def test_one_broken_series_does_not_keep_back_the_others(
    stage: SeriesStage, own_theme: Path
) -> None:
    publish(stage, replace(folder_of("hello"), slug="second"))
    shutil.rmtree(own_theme)
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "phone": "112"})

    assert publish_again(stage) == 1
    with pytest.raises(UnpublishableChangeError):
        publish_again(stage)
