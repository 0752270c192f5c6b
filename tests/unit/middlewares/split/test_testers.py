"""Which share testers mean."""

import pytest

from middlewares.split.policy import Share
from middlewares.split.testers import Overrides, meant_by
from middlewares.version_ranges import parse_range

SHARES = tuple(Share(name, 1.0, parse_range(name)) for name in (">=2 <4", "^1"))


@pytest.mark.parametrize(
    ("word", "index"),
    [
        *((">=2 <4", 0), ("2", 0), ("2.0.0", 0), ("v3", 0), ("3.1", 0), ("^1", 1), ("1.9.9", 1)),
        *(("4", None), ("0", None), ("x", None), ("1.0.0.0.0", None), ("2.x", None)),
    ],
)
def test_a_share_is_meant_by_its_name_or_by_a_version_that_is_in_it(
    word: str, index: int | None
) -> None:
    assert meant_by(word, SHARES) == index


def test_a_version_that_several_shares_have_means_none() -> None:
    shares = tuple(Share(name, 1.0, parse_range(name)) for name in (">=1", "^1"))
    assert meant_by("1.5.0", shares) is None


def test_values_are_bounded_and_remembered() -> None:
    testers = Overrides(SHARES)
    assert testers.meant(None) is testers.meant(b"") is testers.meant(b"2" * 65) is None
    assert testers.meant(b" 2 ") == testers.meant(b" 2 ") == 0
    assert testers.meant(b"\xff") is None
