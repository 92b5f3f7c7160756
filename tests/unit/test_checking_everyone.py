"""Every person gets the email rendered, and every fault of a document is told at once."""

from __future__ import annotations

from dataclasses import replace

from templates.checking.everyone import NamedReader, check_everyone
from templates.checking.examination import examine
from templates.checking.faults import MOST_FAULTS, faults_in
from templates.checking.findings import Level
from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition
from templates.samples import SAMPLE_READER
from tests.checking_stage import edition_of, whole_page

NAMES = ("Ada", "", "Cleo", "")
PEOPLE = [
    NamedReader(f"{number}@a.org", replace(SAMPLE_READER, subscriber={"first_name": name}))
    for number, name in enumerate(NAMES)
]


def told(edition: Edition, people: list[NamedReader] = PEOPLE) -> list[tuple[Level, str]]:
    found = check_everyone(edition, people, renderer=CompiledRenderer())
    return [(one.level, one.message) for one in found]


def test_nothing_is_told_of_an_email_that_everybody_gets() -> None:
    assert told(edition_of("# Hi {{ subscriber.first_name }}")) == []


def test_those_who_cannot_get_it_are_counted_and_the_first_is_named_with_the_line() -> None:
    edition = edition_of("# Hi\n\n{{ 9 // (subscriber.first_name | length) }}")

    (found,) = check_everyone(edition, PEOPLE, renderer=CompiledRenderer())

    assert (found.level, found.rule, found.line) == (Level.STOPS, "renders", 7)
    assert found.message.startswith("for 2 of 4 people, 1@a.org the first: cannot be written: ")


def test_an_empty_subject_stops_sending_and_a_long_one_wants_a_look() -> None:
    edition = edition_of("# Hi", subject="'{{ subscriber.first_name }}'")
    eve = NamedReader("e@a.org", replace(SAMPLE_READER, subscriber={"first_name": "Eve" * 30}))

    assert told(edition, [*PEOPLE, eve]) == [
        (Level.STOPS, "for 2 of 5 people, 1@a.org the first: the subject comes out empty"),
        (Level.LOOK, "for e@a.org: the subject has more than 78 characters"),
    ]


def test_what_is_wrong_for_everybody_is_said_once() -> None:
    page = whole_page("x").replace('<a href="{{ links.unsubscribe }}">leave</a>', "")

    looked = examine(edition_of(page), SAMPLE_READER, PEOPLE, renderer=CompiledRenderer())

    assert [one.message for one in looked.findings if one.rule == "unsubscribe-link"] == [
        "no way to unsubscribe; link to {{ links.unsubscribe }}"
    ]


def test_what_is_wrong_for_some_is_said_beside_what_the_sample_shows() -> None:
    edition = edition_of("# Hi", subject="'{{ subscriber.first_name }}'")
    nobody = replace(SAMPLE_READER, subscriber={"first_name": ""})

    looked = examine(edition, nobody, PEOPLE, renderer=CompiledRenderer())

    empty = [one.message for one in looked.findings if one.rule == "subject-empty"]
    assert len(empty) == 2
    assert "for 2 of 4 people, 1@a.org the first: the subject comes out empty" in empty


def test_whoever_would_find_no_way_out_stops_sending() -> None:
    page = whole_page("x").replace(
        '<a href="{{ links.unsubscribe }}">leave</a>',
        '{% if subscriber.first_name %}<a href="{{ links.unsubscribe }}">leave</a>{% endif %}',
    )

    assert told(edition_of(page)) == [
        (
            Level.STOPS,
            "for 2 of 4 people, 1@a.org the first: no way to unsubscribe; "
            "link to {{ links.unsubscribe }}",
        )
    ]


def test_all_people_and_one_person_are_said_as_people_say_it() -> None:
    edition = edition_of("# Hi\n\n{{ 9 // (subscriber.first_name | length - 3) }}")
    nobody_of_two = [PEOPLE[0], PEOPLE[0]]

    assert told(edition, nobody_of_two)[0][1].startswith("for all 2 people: ")
    assert told(edition, [PEOPLE[0], PEOPLE[1]])[0][1].startswith("for 0@a.org: ")


def test_every_fault_of_a_document_is_told_at_once() -> None:
    edition = edition_of(
        "# Hi {{ subscriber.first_nam }}\n\n{{ 1 | upperr }}\n\n[a](javascript:x)\n\n{{ nobody }}"
    )
    edition = replace(edition, document=edition.document.replace("---\n", "---\nfrom_nam: x\n", 1))

    faults = faults_in(edition, SAMPLE_READER)

    assert sorted(fault.line or 0 for fault in faults) == [2, 6, 8, 10, 12]


def test_a_document_without_end_of_faults_is_told_as_far_as_it_helps() -> None:
    edition = edition_of("# Hi\n\n" + "{{ nobody }}\n\n" * 50)

    assert len(faults_in(edition, SAMPLE_READER)) == MOST_FAULTS
    assert faults_in(edition_of("# Hi"), SAMPLE_READER) == []


def test_an_examination_of_what_cannot_be_rendered_names_all_of_it() -> None:
    edition = edition_of("# Hi {{ nobody }}\n\n{{ anybody }}")

    looked = examine(edition, SAMPLE_READER, PEOPLE, renderer=CompiledRenderer())

    assert [(one.level, one.line) for one in looked.findings] == [
        (Level.STOPS, 5),
        (Level.STOPS, 7),
    ]
    assert looked.report is None
