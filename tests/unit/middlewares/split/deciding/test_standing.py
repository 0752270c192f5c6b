"""Which shares can answer now."""

import pytest

from middlewares.split.deciding.standing import Standing, first_able


@pytest.mark.parametrize(
    ("standings", "found"),
    [
        (["able", "able"], 0),
        (["failing", "able"], 1),
        (["poor", "able"], 1),
        (["starting", "poor"], 1),
        (["absent", "starting"], 1),
        (["poor", "poor"], 0),
        (["absent", "failing"], None),
        ([], None),
    ],
)
def test_the_first_that_is_able_or_else_the_least_bad(
    standings: list[Standing], found: int | None
) -> None:
    assert first_able(range(len(standings)), lambda index: standings[index]) == found
