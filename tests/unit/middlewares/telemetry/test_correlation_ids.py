"""Which correlation IDs of clients are accepted, and what a new one looks like."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.telemetry.correlation_ids import correlation_id_from

NEW = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("claimed", ["a", "0", "A.b_c-9", "x" * 128, "--", "550e8400-e29b-41d4"])
def test_a_well_formed_id_is_kept(claimed: str) -> None:
    assert correlation_id_from(claimed) == claimed


@pytest.mark.parametrize(
    "claimed", [None, "", "x" * 129, "a b", "a\n", "a,b", "ä", "a/b", "<script>", "a\x00"]
)
def test_any_other_is_replaced_by_a_new_one(claimed: str | None) -> None:
    assert NEW.fullmatch(correlation_id_from(claimed))


@given(st.one_of(st.none(), st.text(max_size=140)))
def test_whatever_came_the_id_is_well_formed(claimed: str | None) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", correlation_id_from(claimed))


def test_new_ids_are_all_different() -> None:
    assert len({correlation_id_from(None) for _ in range(1000)}) == 1000
