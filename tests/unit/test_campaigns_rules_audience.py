"""The rule of an audience is read in one way only, or refused with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.audience import (
    EVERYBODY,
    AttributeIs,
    AudienceRule,
    HasTag,
    UnreadableRuleError,
    read_audience,
)

FACTS = ("city", "since")


def read(text: str) -> AudienceRule:
    return read_audience(text, attributes=FACTS)


def test_nothing_is_everybody() -> None:
    assert read("  ") == EVERYBODY
    assert str(EVERYBODY) == ""


def test_and_binds_closer_than_or() -> None:
    rule = read('tag back AND city is "Bad Homburg" or not tag vip and city is not or-ange')

    assert rule.alternatives == (
        (HasTag("back"), AttributeIs("city", "Bad Homburg")),
        (HasTag("vip", False), AttributeIs("city", "or-ange", False)),
    )
    assert str(rule) == (
        'tag back and city is "Bad Homburg" or not tag vip and city is not or-ange'
    )


def test_a_word_of_the_language_is_a_value_in_quotes() -> None:
    rule = read('tag "and" or city is "not"')

    assert rule.alternatives == ((HasTag("and"),), (AttributeIs("city", "not"),))
    assert read(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tag back tag neck", "put 'and' or 'or' before 'tag'"),
        ("tag", "a value is missing behind 'tag'; write conditions like 'tag NAME'"),
        ("tag and tag b", "a value is missing behind 'tag'"),
        ("tag back and", "write conditions like 'tag NAME', 'not tag NAME', 'city is Berlin'"),
        ("town is Berlin", "'town' is no fact we keep; there are: city, since"),
        ("city = Berlin", "write 'is' or 'is not' behind 'city'"),
        ("city is", "a value is missing behind 'city'"),
        ("not city is Berlin", "write 'city is not …'"),
        ('city is "Berlin', 'a quotation mark is not closed; write "Bad Homburg"'),
        ("tag " + "x" * 1000, "it is longer than 1000 characters"),
    ],
)
def test_what_can_be_misread_is_refused_with_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(UnreadableRuleError) as caught:
        read(text)

    assert caught.value.problem.startswith(problem)
    assert str(caught.value).startswith("cannot read the audience rule '")


def test_where_no_facts_are_kept_it_says_how_to_name_some() -> None:
    with pytest.raises(UnreadableRuleError) as caught:
        read_audience("city is Berlin", attributes=())

    assert caught.value.problem == (
        "'city' is no fact we keep; there are: none; name some in [subscribers] attributes"
    )


letters = st.characters(exclude_characters='"', categories=("L", "N", "Zs", "P"))
values = st.text(letters, min_size=1)
conditions = st.builds(HasTag, values, st.booleans()) | st.builds(
    AttributeIs, st.sampled_from(FACTS), values, st.booleans()
)
rules = st.builds(
    AudienceRule,
    st.lists(st.lists(conditions, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple),
)


@given(rule=rules)
def test_what_is_written_reads_back_equal(rule: AudienceRule) -> None:
    if len(str(rule)) <= 1000:
        assert read(str(rule)) == rule
