"""Which versions a range holds, held against a model that knows tuples only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.version_ranges import (
    ANY,
    MOST_CHARACTERS,
    MOST_COMPARISONS,
    line_of,
    parse_range,
    parse_version,
)

#: Numbers, and a pre-release's number or None.
Numbers = tuple[int, int, int, int | None]
#: Operator, the numbers that are written, and the pre-release's number.
Comparison = tuple[str, tuple[int, ...], int | None]

OPERATORS = ("", "^", ">=", ">", "<", "<=", "=", "+")

small = st.integers(0, 3)
versions = st.tuples(small, small, small, st.none() | small)


def comparisons() -> st.SearchStrategy[Comparison]:
    whole = st.tuples(st.sampled_from(OPERATORS), st.tuples(small, small, small), st.none() | small)
    partial = st.tuples(
        st.sampled_from(OPERATORS), st.tuples(small) | st.tuples(small, small), st.none()
    )
    return whole | partial


def version_text(version: Numbers) -> str:
    numbers = ".".join(map(str, version[:3]))
    return numbers if version[3] is None else f"{numbers}-rc.{version[3]}"


def comparison_text(comparison: Comparison) -> str:
    operator, numbers, pre_release = comparison
    text = ".".join(map(str, numbers)) + ("" if pre_release is None else f"-rc.{pre_release}")
    return text + operator if operator == "+" else operator + text


def order(version: Numbers) -> tuple[float, ...]:
    """A release is after all of its pre-releases."""
    return (*version[:3], float("inf") if version[3] is None else version[3])


def model_holds(comparison: Comparison, version: Numbers) -> bool:
    operator, numbers, pre_release = comparison
    released = version[:3]
    low = (*numbers, 0, 0, 0)[:3]
    mine = released[: len(numbers)]
    if pre_release is None and len(numbers) < 3:
        # Digit by digit; a pre-release of the first version of all is before them.
        from_low = order(version) >= order((*low, None))
        match operator:
            case "" | "=":
                return from_low and mine == numbers
            case "+" | ">=":
                return from_low
            case ">":
                return mine > numbers and not (
                    version[3] is not None
                    and mine == (*numbers[:-1], numbers[-1] + 1)
                    and not any(released[len(numbers) :])
                )
            case "<":
                return mine < numbers
            case "<=":
                return mine <= numbers
    at = order((*low, pre_release))
    match operator:
        case "" | "=":
            return order(version) == at
        case "+" | ">=":
            return order(version) >= at
        case ">":
            return order(version) > at
        case "<":
            return order(version) < at
        case "<=":
            return order(version) <= at
    # A caret: everything up to the leftmost number that is not 0 stays.
    kept = next((i + 1 for i, number in enumerate(numbers) if number), len(numbers))
    return order(version) >= at and mine[:kept] == numbers[:kept]


def model_admits(alternative: list[Comparison], version: Numbers) -> bool:
    """A pre-release is in nothing that names none of its own release."""
    if version[3] is not None and not any(
        pre is not None and numbers == version[:3] for _, numbers, pre in alternative
    ):
        return False
    return all(model_holds(one, version) for one in alternative)


def has_an_empty_side(text: str) -> bool:
    try:
        parse_range(text)
    except ValueError as mistake:
        return str(mistake) == f"no version is in {text!r}"
    return False


@given(
    alternatives=st.lists(st.lists(comparisons(), min_size=1, max_size=3), min_size=1, max_size=3)
)
def test_a_range_holds_what_the_model_says(alternatives: list[list[Comparison]]) -> None:
    text = " || ".join(" ".join(map(comparison_text, one)) for one in alternatives)
    every = [
        (major, minor, patch, pre)
        for major in range(5)
        for minor in range(5)
        for patch in range(5)
        for pre in (None, 0, 3)
    ]
    expected = {
        version for version in every if any(model_admits(one, version) for one in alternatives)
    }
    if has_an_empty_side(text):
        assert any(not any(model_admits(one, version) for version in every) for one in alternatives)
        return
    versions_held = parse_range(text)
    held = {version for version in every if versions_held.holds(version_text(version))}
    assert held == expected


@pytest.mark.parametrize(
    ("text", "held", "others"),
    [
        ("1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0", "1.0.0-rc.1", "2.0.0-rc.1", None]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.1.9", "1.3.0"]),
        ("1.4.2", ["1.4.2", "1.4.2+build.7"], ["1.4.3", "1.4.2-rc.1"]),
        ("1.4.2+build.9", ["1.4.2", "1.4.2+build.7"], ["1.4.3"]),
        ("1.2+", ["1.2.0", "1.10.0", "3.0.0"], ["1.1.9"]),
        ("1.4.2+", ["1.4.2", "2.0.0"], ["1.4.1"]),
        ("^1.2", ["1.2.0", "1.99.0"], ["1.1.0", "2.0.0"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.0.0", "0.9.0"], ["1.0.0"]),
        (">=1 <3", ["1.0.0", "2.9.9"], ["0.9.9", "3.0.0", "3.0.0-rc.1"]),
        (">=2", ["2.0.0", "10.0.0"], ["1.9.9", "2.0.0-rc.1"]),
        (">1", ["2.0.0"], ["1.9.9"]),
        ("<=1", ["1.9.9"], ["2.0.0"]),
        ("1 || 3", ["1.1.1", "3.1.1"], ["2.0.0"]),
        ("2.0.0-rc.1", ["2.0.0-rc.1"], ["2.0.0", "2.0.0-rc.2"]),
        (">=2.0.0-rc.1", ["2.0.0-rc.1", "2.0.0-rc.10", "2.0.0", "3.0.0"], ["3.0.0-rc.1"]),
        ("^2.0.0-rc.2", ["2.0.0-rc.2", "2.0.0-rc.10", "2.5.0"], ["2.0.0-rc.1", "3.0.0"]),
        ("*", ["0.0.0", "2.0.0-rc.1", None], []),
    ],
)
def test_each_form_of_a_range(text: str, held: list[str | None], others: list[str | None]) -> None:
    parsed = parse_range(text)
    assert [one for one in [*held, *others] if parsed.holds(one)] == held


@pytest.mark.parametrize(
    "text",
    ["", " ", "||", "1 ||", "v1", "1.x", "~1", "01", "1.2.3.4", "-1", "1..2", "1.2-rc.1", "^1.2+",
     ">=", "> = 1", "1,2", "*.1", "* 1", "1.2.3-", "1.2.3-01", "\u0661", "latest"],
)  # fmt: skip
def test_what_is_no_range_is_refused_with_the_forms_that_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"\^1\.2, >=1 <3|no version"):
        parse_range(text)


@pytest.mark.parametrize("text", [">=3 <2", "1 2", ">1.2.3 <1.2.3", "1 || >2 <2", "<0"])
def test_a_range_that_no_version_is_in_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"no version is in '{text.replace('|', '.')}'"):
        parse_range(text)


def test_ranges_are_bounded() -> None:
    assert parse_range(" || ".join(["1"] * MOST_COMPARISONS)).holds("1.0.0")
    with pytest.raises(ValueError, match=f"at most {MOST_COMPARISONS} comparisons"):
        parse_range(" || ".join(["1"] * (MOST_COMPARISONS + 1)))
    assert parse_range("9" * MOST_CHARACTERS).holds("9" * MOST_CHARACTERS + ".0.0")
    with pytest.raises(ValueError, match=f"at most {MOST_CHARACTERS} characters"):
        parse_range("9" * (MOST_CHARACTERS + 1))


@given(text=st.text(max_size=MOST_CHARACTERS + 2))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parsed = parse_range(text)
    except ValueError:
        return
    assert parse_range(parsed.text) == parsed


def test_ranges_that_are_written_alike_are_equal_whatever_their_spaces() -> None:
    assert parse_range(" >= 1   <3") == parse_range(">=1 <3")
    assert hash(parse_range(">= 1 <3")) == hash(parse_range(">=1 <3"))
    assert parse_range("1") != parse_range("1.0")
    assert str(parse_range(">= 1  < 3||4")) == ">=1 <3 || 4"
    assert parse_range("1 || *") == ANY


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1", "1.2", True),
        ("1", "2", False),
        ("<=1", ">=2", False),
        ("<2", ">=2", False),
        ("1 || 3", ">2.5", True),
        ("1 || 2", "3", False),
        ("*", "3", True),
        ("1.2.3", ">1.2.3", False),
        ("<=1.2.3", ">=1.2.3", True),
    ],
)
def test_whether_two_ranges_overlap(one: str, other: str, expected: bool) -> None:
    assert parse_range(one).overlaps(parse_range(other)) is expected
    assert parse_range(other).overlaps(parse_range(one)) is expected


@given(one=comparisons(), other=comparisons(), version=versions)
def test_ranges_with_a_common_version_overlap(
    one: Comparison, other: Comparison, version: Numbers
) -> None:
    try:
        first, second = parse_range(comparison_text(one)), parse_range(comparison_text(other))
    except ValueError:
        return
    text = version_text(version)
    if first.holds(text) and second.holds(text):
        assert first.overlaps(second)


def test_an_instance_whose_version_is_no_version_is_only_in_the_range_of_all() -> None:
    assert ANY.holds("latest")
    assert not parse_range(">=0").holds("latest")
    assert parse_version("latest") is None


def test_a_range_without_another_one_holds_the_rest_and_says_so() -> None:
    rest = parse_range(">=1").without(parse_range("1")).without(parse_range("3"))
    assert [one for one in ("1.0.0", "2.0.0", "3.0.0", "4.0.0") if rest.holds(one)] == [
        "2.0.0",
        "4.0.0",
    ]
    assert rest.text == ">=1 but not 1, not 3"
    assert rest != parse_range(">=1")
    anything = ANY.without(parse_range("1"))
    assert anything.holds(None)
    assert not anything.holds("1.2.0")
    assert not anything.is_any


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1.2", "1", True),
        ("1", "1.2", False),
        ("1", "1", True),
        ("1 || 2", ">=1 <3", True),
        ("1 || 4", ">=1 <3", False),
        ("*", ">=0", False),
        ("1", "*", True),
        ("^1.2.3", "1", True),
        ("1.2+", "1", False),
    ],
)
def test_whether_a_range_is_within_another(one: str, other: str, expected: bool) -> None:
    assert parse_range(one).is_within(parse_range(other)) is expected


@pytest.mark.parametrize(
    ("version", "line"),
    [("1.4.2", "1"), ("0.3.1", "0.3"), ("2.0.0-rc.1", "2.0.0-rc.1"), ("1.0.0+b", "1")],
)
def test_the_line_of_a_version(version: str, line: str) -> None:
    found = line_of(version)
    assert found is not None
    assert found.text == line
    assert found.holds(version)
    assert line_of("latest") is None
