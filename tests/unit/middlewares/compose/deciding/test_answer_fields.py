"""The fields of a composed answer allow no more than those of each part."""

import pytest

from middlewares.compose.deciding.answer_fields import Answered, composed_fields


def fields(*lines: str, passes: tuple[str, ...] = ()) -> Answered:
    pairs = [line.partition(": ") for line in lines]
    return Answered(
        [(name.encode(), value.encode()) for name, _, value in pairs],
        frozenset(name.encode() for name in passes),
    )


@pytest.mark.parametrize(
    ("parts", "strictest"),
    [
        (["max-age=60", "max-age=30"], "max-age=30"),
        (["public, max-age=60", "public, max-age=30, immutable"], "public, max-age=30"),
        (["public, max-age=60", "max-age=30"], "max-age=30"),
        (["private, max-age=60", "public, max-age=30, s-maxage=90"], "private, max-age=30"),
        (["max-age=60, s-maxage=90", "max-age=80"], "max-age=60, s-maxage=80"),
        (["max-age=60", "no-cache"], "no-cache, max-age=0"),
        (["max-age=60", "no-store"], "no-store"),
        (
            ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate"],
            "max-age=60, must-revalidate, proxy-revalidate",
        ),
        (["max-age=60", None], "max-age=0"),
        (['max-age=60, no-cache="X-A"', "max-age=60"], "no-cache, max-age=60"),
        (['max-age=60, private="X-A"', "max-age=60"], "private, max-age=60"),
        (["max-age=60, max-age=5"], "max-age=5"),
        (["max-age=soon"], "max-age=0"),
        ([None, None], None),
        ([], None),
    ],
)
def test_the_strictest_cache_control(parts: list[str | None], strictest: str | None) -> None:
    answered = [fields() if one is None else fields(f"Cache-Control: {one}") for one in parts]
    assert dict(composed_fields(answered, is_partial=False)).get("Cache-Control") == strictest


def test_what_an_answer_has_spent_in_a_cache_counts() -> None:
    answered = [
        fields("Cache-Control: max-age=60", "Age: 45"),
        fields("Cache-Control: max-age=30", "Age: x"),
    ]
    assert composed_fields(answered, is_partial=False) == [("Cache-Control", "max-age=15")]


def test_nobody_keeps_a_partial_answer() -> None:
    answered = [fields("Cache-Control: public, max-age=60")]
    assert composed_fields(answered, is_partial=True) == [("Cache-Control", "no-store")]


def test_vary_is_that_of_all() -> None:
    answered = [fields("Vary: Accept, X-Plan"), fields("vary: x-plan,  Cookie,", "Vary: Accept")]
    assert composed_fields(answered, is_partial=False) == [("Vary", "Accept, X-Plan, Cookie")]
    assert composed_fields([*answered, fields("Vary: *")], is_partial=False) == [("Vary", "*")]


def test_only_what_a_part_passes_is_passed() -> None:
    cookies = ("Set-Cookie: a=b", "Set-Cookie: c=d", "ETag: x", "X-Cost: 3")
    answered = [fields(*cookies), fields(*cookies, passes=("set-cookie", "x-cost"))]
    assert composed_fields(answered, is_partial=False) == [
        ("Set-Cookie", "a=b"),
        ("Set-Cookie", "c=d"),
        ("X-Cost", "3"),
    ]
