"""JMESPath: what is only passed on keeps its digits, and what goes wrong is told."""

import pytest

from middlewares.transform.bodies.deciding.grammar import NotJson, TooLarge
from middlewares.transform.bodies.deciding.queries import (
    MOST_CHARACTERS,
    NotQueried,
    check_expression,
    yielded,
)
from middlewares.transform.bodies.deciding.rules import Query


def of(expression: str, text: str) -> str:
    return yielded(text, Query(expression))


@pytest.mark.parametrize(
    "number", ["1.0", "1e400", "-0", "9" * 1000, "12345678901234567890", "1E+2", "0.10", "7", "-1.5e-7"]
)  # fmt: skip
def test_numbers_that_are_passed_on_keep_their_digits(number: str) -> None:
    assert of("a[0].b", f'{{"a": [{{"b": {number}}}]}}') == number
    assert of("{x: a}", f'{{"a": [{number}]}}') == f'{{"x":[{number}]}}'


def test_numbers_are_compared_and_computed_as_numbers() -> None:
    text = '[{"p": 2.50, "n": "a"}, {"p": 10.0, "n": "b"}, {"p": 1, "n": "c"}]'
    assert of("[?p > `2`].n", text) == '["a","b"]'
    assert of("sort_by(@, &p)[].p", text) == "[1,2.50,10.0]"
    assert of("max_by(@, &p).p", text) == "10.0"
    assert of("sum([].p)", text) == "13.5"
    assert of("[0].p | type(@)", text) == '"number"'


def test_texts_stay_what_they_are() -> None:
    assert of("a", r'{"a": "\ud800 é \u0001"}') == r'"\ud800 é \u0001"'
    assert of("a.b", "{}") == "null"
    assert of("@", '{"b": true, "a": {"": []}}') == '{"b":true,"a":{"":[]}}'
    assert of("@", "\ufeff[]") == "[]"


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", '"\t"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        of("@", text)


def test_what_an_expression_does_not_fit_is_told() -> None:
    with pytest.raises(NotQueried, match="sum"):
        of("sum(@)", '["a"]')
    with pytest.raises(NotQueried, match="no JSON"):
        of("&a", "{}")


def test_large_and_deep_texts_are_refused() -> None:
    with pytest.raises(TooLarge, match="too large"):
        of("@", '"' + "x" * MOST_CHARACTERS + '"')
    with pytest.raises(NotQueried, match="levels"):
        of("@", "[" * 5_000 + "]" * 5_000)


def test_expressions_are_checked() -> None:
    check_expression("items[*].{id: id} | sort_by(@, &id)")
    for wrong in ("", "items[", "a.b c", "a#"):
        with pytest.raises(ValueError, match="is no expression of JMESPath"):
            check_expression(wrong)
    with pytest.raises(ValueError, match="calls sumof"):
        check_expression("a[].{x: sumof(b)}")
    for wrong in ("length(a, b)", "items[?contains(@)]", "merge()"):
        with pytest.raises(ValueError, match="arguments, and it takes "):
            check_expression(wrong)
    with pytest.raises(ValueError, match="levels"):
        check_expression("(" * 5_000 + "a" + ")" * 5_000)
