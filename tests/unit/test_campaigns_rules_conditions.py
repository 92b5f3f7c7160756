"""What a marketer may ask of a person before an email goes, and how a mistake is explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.conditions import (
    ConditionError,
    Traits,
    condition_or_none,
    read_condition,
)

SINCE = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADA = Traits(
    {
        "city": "New  York",
        "visits": 3,
        "phone": "",
        "vip": True,
        "born": "1980-05-01",
        "zip": "0042",
    },
    frozenset({"back-pain", "regular"}),
    {"booked": SINCE, "called": SINCE - timedelta(seconds=1)},
)


@pytest.mark.parametrize(
    "text",
    [
        "tagged regular",
        "tag regular",
        "tag is not x or tag is x",
        "tagged Back-Pain",
        'tagged "back-pain"',
        "not tagged student",
        "tagged student or tagged regular",
        "not (tagged student and tagged regular)",
        "not not tagged regular",
        "event booked",
        "event Booked",
        "not event called",
        "not event moved",
        'city is "new york"',
        "city = 'New York'",
        "city is not Berlin",
        "city != Berlin",
        'city in (Berlin, "New York")',
        "city not in (Berlin, Hamburg)",
        "city contains york",
        "visits >= 3",
        "visits > 2.5",
        "visits <= 3",
        "visits < 4",
        "visits is 3.0",
        "zip is 42",
        "vip is yes",
        "born < 1990-01-01",
        "city is known",
        "phone is not known",
        "nothing is not known",
        "phone is not 1",
        "tagged student and tagged nobody or tagged regular",
        "TAGGED regular AND NOT tagged x",
    ],
)
def test_what_is_true_of_ada(text: str) -> None:
    assert read_condition(text).holds(ADA, since=SINCE)
    assert not read_condition(f"not ({text})").holds(ADA, since=SINCE)


@pytest.mark.parametrize(
    "text",
    [
        "visits > many",
        "city > 3",
        "city > 1990-01-01",
        "phone is 1",
        "phone < 1",
        'phone = ""',
        "visits >= inf",
        "nothing is nothing",
        "event called",
    ],
)
def test_what_cannot_be_compared_is_not_true(text: str) -> None:
    assert not read_condition(text).holds(ADA, since=SINCE)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty; write it like: tagged vip and city is Berlin"),
        (
            "city",
            "after 'city' comes 'is', 'is not', 'in', 'contains', '=', '!=', '<', '<=', '>' or "
            "'>='",
        ),
        ("city is", "a value is missing after 'is'"),
        ("city is and", "a value is missing before 'and'"),
        ("tagged", "a tag is missing after 'tagged'"),
        ("tagged and vip", "a tag is missing before 'and'"),
        ("event (", "the name of an event is missing after 'event'"),
        (
            "city is New York",
            "put 'and' or 'or' before 'York', or quotation marks around several words",
        ),
        ("(tagged a", "a bracket is opened and never closed; add ')'"),
        ("city in Berlin", "after 'in' comes a list in brackets: in (Berlin, Hamburg)"),
        ("city in (Berlin", "the list is never closed; add ')'"),
        ("city not Berlin", "write 'city is not …' or 'city not in (…)'"),
        (
            "tagged a and",
            "something is missing after 'and'; write it like: tagged vip and city is Berlin",
        ),
        ("= 3", "'=' cannot be asked; begin with 'tagged', 'event' or the name of an attribute"),
        ("city is 'x", "''x' cannot stand there; write it like: tagged vip and city is Berlin"),
        ("not " * 30 + "tagged a", "it is nested too deeply; say it in fewer brackets"),
        ("x" * 1001, "it is longer than 1000 characters"),
        (
            "tagged 'a,b'",
            "cannot use tag: 'a,b': it holds a comma, a semicolon or a bar",
        ),
        ("event ''", "cannot use event: '': it is empty"),
        ("tag", "a tag is missing after 'tag'"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ConditionError) as caught:
        read_condition(text)

    assert caught.value.problem == problem
    assert str(caught.value).startswith("cannot understand the condition '")


def test_a_condition_names_the_attributes_it_asks_for() -> None:
    found = read_condition("  city is  Berlin and (tagged x or visits > 3)")

    assert found.names == {"city", "visits"}
    assert str(found) == "city is Berlin and (tagged x or visits > 3)"


def test_no_condition_is_none() -> None:
    assert condition_or_none("  ") is None
    assert condition_or_none("tagged a") == read_condition("tagged a")


words = st.sampled_from(
    [
        *("tagged", "event", "not", "and", "or", "(", ")", "is", "in", ",", "city", "known"),
        *("=", "<", "'a", "3", "contains", '"', "a"),
    ]
)
people = st.builds(
    Traits,
    st.dictionaries(
        st.sampled_from(["city", "known"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    ),
    st.frozensets(st.sampled_from(["a", "a b", "city"])),
    st.dictionaries(st.sampled_from(["a", "city"]), st.just(SINCE)),
)


@given(st.lists(words, max_size=12).map(" ".join) | st.text(max_size=40), people)
def test_any_text_is_explained_or_answers_for_anybody(text: str, person: Traits) -> None:
    try:
        found = read_condition(text)
    except ConditionError:
        return
    answer: Any = found.holds(person, since=SINCE)
    assert answer is (not read_condition(f"not ({text})").holds(person, since=SINCE))
