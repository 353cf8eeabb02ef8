"""The glossary: every word once, of a section that there is, and found however it is asked for."""

import pytest

from autograder.course import SECTIONS
from source.glossary import TERMS, look_up


def test_every_word_stands_once_and_belongs_to_a_section():
    words = [term.word.casefold() for term in TERMS]
    assert len(set(words)) == len(words)
    assert {term.section for term in TERMS} == {section.number for section in SECTIONS}
    assert all(term.meaning.endswith(".") or term.meaning.endswith(")") for term in TERMS)


@pytest.mark.parametrize("asked", ["fan-in", "Fan-In", " fan-in "])
def test_a_word_is_found_however_it_is_written(asked):
    assert [term.word for term in look_up(asked).terms] == ["fan-in"]


def test_part_of_a_word_finds_all_that_hold_it():
    assert [term.word for term in look_up("gradient").terms] == [
        "exploding gradient",
        "gradient check",
        "vanishing gradient",
    ]


def test_without_a_word_all_come_in_the_order_of_the_alphabet():
    words = [term.word.casefold() for term in look_up().terms]
    assert words == sorted(words)
    assert len(words) == len(TERMS)


def test_it_prints_as_text_and_shows_as_a_table():
    found = look_up("kink")
    assert str(found) == repr(found)
    assert str(found).startswith("kink: A point where a slope jumps")
    assert found._repr_html_().count("<tr>") == 2


def test_a_word_that_is_not_there_is_one_line_with_the_nearest():
    with pytest.raises(ValueError, match=r"'saturatd' is not in the glossary: did you mean saturated"):
        look_up("saturatd")
    with pytest.raises(ValueError, match=r"look_up\(\) shows all words"):
        look_up("xyzzy")
