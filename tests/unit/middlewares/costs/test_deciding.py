"""What an answer's cost is, and what is charged without one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.costs.deciding import (
    MOST_UNITS,
    Reading,
    Why,
    broken_off,
    charge_of,
    reading_of,
    reading_of_field,
    reading_of_value,
    tokens_of,
    value_at,
)


@pytest.mark.parametrize(
    ("number", "reading"),
    [
        (b"0", Reading(Why.READ, 0)),
        (b"-0", Reading(Why.READ, 0)),
        (b"12", Reading(Why.READ, 12)),
        (b"12.0", Reading(Why.READ, 12)),
        (b"12.1", Reading(Why.READ, 13)),
        (b"1e3", Reading(Why.READ, 1000)),
        (b"1e-400", Reading(Why.READ, 0)),
        (b"-1", Reading(Why.NEGATIVE)),
        (b"1e13", Reading(Why.TOO_LARGE)),
        (b"1e999", Reading(Why.TOO_LARGE)),
        (b"9" * 65, Reading(Why.TOO_LARGE)),
        (b"", Reading(Why.NO_NUMBER)),
        (b"NaN", Reading(Why.NO_NUMBER)),
        (b"Infinity", Reading(Why.NO_NUMBER)),
        (b"012", Reading(Why.NO_NUMBER)),
        (b"1_000", Reading(Why.NO_NUMBER)),
        (b"1,2", Reading(Why.NO_NUMBER)),
        (b"true", Reading(Why.NO_NUMBER)),
        ("\uff11".encode(), Reading(Why.NO_NUMBER)),
    ],
)
def test_a_cost_is_a_number_that_a_budget_can_have(number: bytes, reading: Reading) -> None:
    assert reading_of(number) == reading


@given(st.binary(max_size=80))
def test_whatever_stands_there_is_read_as_a_cost_within_bounds_or_not_at_all(number: bytes) -> None:
    reading = reading_of(number)
    assert 0 <= reading.units <= MOST_UNITS
    assert reading.units == 0 or reading.why is Why.READ


@pytest.mark.parametrize(
    "value",
    [None, True, "12", [12], {}, float("nan"), float("inf"), float("-inf"), -1, 10**400 // 10**380],
)
def test_other_values_of_a_document_are_no_cost(value: object) -> None:
    assert reading_of_value(value).why is not Why.READ


def test_a_field_is_read_whatever_its_case_and_only_if_it_stands_once() -> None:
    assert reading_of_field([(b"X-COST", b" 7 ")], b"x-cost") == Reading(Why.READ, 7)
    assert reading_of_field([(b"X-Other", b"7")], b"x-cost").why is Why.ABSENT
    twice = [(b"X-Cost", b"7"), (b"x-cost", b"8")]
    assert reading_of_field(twice, b"x-cost").why is Why.REPEATED


@given(st.sampled_from(list(Why)), st.integers(0, MOST_UNITS), st.integers(1, MOST_UNITS))
def test_nothing_is_given_back_of_a_reservation_without_a_cost_that_was_read(
    why: Why, units: int, reserved: int
) -> None:
    charge = charge_of(Reading(why, units), reserved)
    assert charge == units if why is Why.READ else charge >= max(units, reserved)
    assert charge_of(broken_off(Reading(why, units)), reserved) == max(units, reserved)


@pytest.mark.parametrize(
    ("pointer", "tokens"),
    [
        ("", ()),
        ("/", ("",)),
        ("/usage/total_tokens", ("usage", "total_tokens")),
        ("/a~1b/m~0n/~01", ("a/b", "m~n", "~1")),
    ],
)
def test_a_pointer_has_reference_tokens(pointer: str, tokens: tuple[str, ...]) -> None:
    assert tokens_of(pointer) == tokens


@pytest.mark.parametrize("pointer", ["usage", "#/usage", "/a~", "/a~2"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="JSON pointer"):
        tokens_of(pointer)


def test_an_index_leads_into_an_array_and_nothing_else_does() -> None:
    document = [{"a": 1}, {"0": 2}, 3]
    assert value_at(document, ("0", "a")).units == 1
    assert value_at(document, ("1", "0")).units == 2
    for token in ("3", "02", "-1", "-", "", "9" * 5000, "٢"):
        assert value_at(document, (token,)).why is Why.ABSENT
