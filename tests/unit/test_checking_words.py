"""Words that give health away, and words that spam filters know, are found where they matter."""

from __future__ import annotations

import pytest

from templates.checking.findings import Level
from templates.checking.health_words import health_word_in
from tests.checking_stage import edition_of, found_by


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Your migraine diary", "migraine"),
        ("Painful days", "Painful"),
        ("No pain at all", "pain"),
        ("paint and painters", ""),
        ("Ihre Schwangerschaft", "Schwangerschaft"),
        ("/blood-test/results", "blood test"),
        ("back_pain=1", "pain"),
        ("Deep does not have to mean hard", ""),
        ("Patience gets there", ""),
        ("A therapist's hands", "therapist"),
    ],
)
def test_words_about_health_are_known_by_their_beginnings(text: str, word: str) -> None:
    assert health_word_in(text) == word


def test_health_in_the_subject_wants_a_look_and_in_the_preheader_is_told() -> None:
    edition = edition_of("# Hi", subject="Your migraine diary", preheader="Less pain")

    (subject,) = found_by("health-in-subject", edition)
    (preheader,) = found_by("health-in-preheader", edition)

    assert (subject.level, subject.line) == (Level.LOOK, 2)
    assert subject.message == (
        "the subject has the word 'migraine' in it, and others may see it on a lock screen; "
        "say it inside the email"
    )
    assert (preheader.level, preheader.line) == (Level.KNOW, 3)


@pytest.mark.parametrize(
    ("field", "level"),
    [("first_name", None), ("city", Level.KNOW), ("diagnosis", Level.LOOK)],
)
def test_a_fact_in_the_subject_is_found_unless_it_is_the_first_name(
    field: str, level: Level | None
) -> None:
    subject = f"'Hello {{{{ subscriber.{field} }}}}'"
    edition = edition_of("# Hi", subject=subject, fields={"city", "diagnosis"})

    assert [found.level for found in found_by("personal-in-subject", edition)] == (
        [level] if level else []
    )


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        ("Act now and save big", {"spam-words"}),
        ("Good news!!", {"spam-shouting"}),
        ("READ THIS LETTER", {"spam-shouting"}),
        ("News from NASA", set()),
        ("An urgently needed pause", set()),
    ],
)
def test_subjects_that_look_like_spam_want_a_look(subject: str, rules: set[str]) -> None:
    edition = edition_of("# Hi", subject=subject)

    found = found_by("spam-words", edition) + found_by("spam-shouting", edition)

    assert {one.rule for one in found} == rules
    assert {one.level for one in found} <= {Level.LOOK}


def test_a_phrase_in_the_text_is_told_with_its_line_and_one_word_alone_is_not() -> None:
    found = found_by("spam-words", edition_of("# Hi\n\nThis is urgent.\n\nClick here to read."))

    assert [(one.level, one.line) for one in found] == [(Level.KNOW, 9)]
    assert found[0].message == (
        "'click here' is known from spam; one such phrase does no harm, several may"
    )


@pytest.mark.parametrize(
    ("preheader", "rule", "level"),
    [
        ("''", "preheader-missing", Level.KNOW),
        ("hello", "preheader-same", Level.LOOK),
        ("x" * 141, "preheader-long", Level.KNOW),
    ],
)
def test_the_line_beside_the_subject_is_looked_at(preheader: str, rule: str, level: Level) -> None:
    edition = edition_of("# Hi", preheader=preheader)

    assert [(one.level, one.line) for one in found_by(rule, edition)] == [(level, 3)]
