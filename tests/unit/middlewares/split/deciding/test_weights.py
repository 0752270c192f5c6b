"""What is left for the other shares, and which share a word means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.split.deciding.weights import Unclear, changed, named_by, percent_of, with_share


def test_the_others_share_what_is_left_as_before() -> None:
    assert with_share((5, 95), (5, 95), 0, 25) == (25, 75)
    assert with_share((10, 60, 30), (10, 60, 30), 0, 40) == (40, 40, 20)


def test_who_had_nothing_gets_it_as_in_the_file_and_else_evenly() -> None:
    assert with_share((100, 0, 0), (10, 60, 30), 0, 10) == (10, 60, 30)
    assert with_share((100, 0, 0), (100, 0, 0), 0, 50) == (50, 25, 25)


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=6), st.integers(0, 5), st.floats(0, 100))
def test_weights_add_up_to_a_hundred_and_the_share_is_as_asked(
    weights: list[float], index: int, percent: float
) -> None:
    index %= len(weights)
    made = with_share(weights, weights, index, percent)
    assert sum(made) == pytest.approx(100, abs=1e-4)
    assert percent_of(made, index) == pytest.approx(percent, abs=1e-4)


def test_a_change_that_names_all_is_taken_as_it_is() -> None:
    usual = {">=2": 5.0, "^1": 95.0}
    assert changed(usual, usual, {">=2": 1, "^1": 1}) == {">=2": 1, "^1": 1}


def test_a_change_that_names_some_leaves_the_sum() -> None:
    usual = {">=2": 5.0, "^1": 95.0}
    assert changed(usual, usual, {">=2": 25}) == {">=2": 25, "^1": 75}
    assert changed({">=2": 0.0, "^1": 100.0}, usual, {"^1": 60}) == {">=2": 40, "^1": 60}
    assert changed({">=2": 100.0, "^1": 0.0}, usual, {">=2": 10}) == {">=2": 10, "^1": 90}


def test_nothing_may_be_left_for_the_others_but_not_less() -> None:
    usual = {">=2": 5.0, "^1": 95.0}
    assert changed(usual, usual, {">=2": 100}) == {">=2": 100, "^1": 0}
    with pytest.raises(ValueError, match=r"101 is more than all shares have together \(100\); say"):
        changed(usual, usual, {">=2": 101})


def test_one_share_must_have_something() -> None:
    usual = {">=2": 5.0, "^1": 95.0}
    with pytest.raises(ValueError, match="one share at least must be more than 0"):
        changed(usual, usual, {">=2": 0, "^1": 0})


@pytest.mark.parametrize(
    ("word", "names", "meant"),
    [
        (">=2", [">=2", "^1"], ">=2"),
        ("2", [">=2", "^1"], ">=2"),
        ("1", [">=2", "^1"], "^1"),
        ("1", [">=1 <2", "2"], ">=1 <2"),
        ("2", ["2", "2.1"], "2"),
        ("1.2", ["1.2+", "^1.3"], "1.2+"),
        ("order_v2", ["order_v1", "order_v2"], "order_v2"),
        ("stab", ["stable", "canary"], "stable"),
        ("3", [">=3.1", "^2"], ">=3.1"),
    ],
)
def test_a_word_means_a_share_by_its_name_or_its_beginning(
    word: str, names: list[str], meant: str
) -> None:
    assert named_by(word, names) == meant


def test_a_word_that_means_several_or_none_is_refused_with_what_there_is() -> None:
    with pytest.raises(Unclear, match=r"order may be any of the shares order_v1, order_v2: write"):
        named_by("order", ["order_v1", "order_v2"])
    with pytest.raises(Unclear, match=r"there is no share 3; there are >=2, \^1"):
        named_by("3", [">=2", "^1"])
    with pytest.raises(Unclear, match="there is no share "):
        named_by("", [">=2", "^1"])
