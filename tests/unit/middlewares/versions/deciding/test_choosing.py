"""Which versions a request may go to, by what it names and what is registered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.failures import (
    NoHealthyInstance,
    VersionConflict,
    VersionGone,
    VersionNotFound,
)
from middlewares.version_ranges import VersionRange, parse_range
from middlewares.versions.deciding.choosing import (
    Chosen,
    Registered,
    choose,
    deprecation,
    deprecation_of,
    in_order,
)
from middlewares.versions.deciding.naming import Named
from middlewares.versions.policy import Deprecated, Place, VersionsPolicy

HEADER, QUERY = Place("header", "accept-version"), Place("query", "v")
THERE = ("1.4.2", "1.10.0", "2.0.0", "3.0.0-rc.1")
SUNSET_S = 1_800_000_000
ENDING = Deprecated(parse_range("1"), 1_700_000_000, SUNSET_S, is_gone_after=True)
EVERY = Deprecated(parse_range("*"), 1_700_000_000, SUNSET_S, is_gone_after=True)


def registered(*versions: str, staying: tuple[str, ...] | None = None) -> Registered:
    versions = in_order(versions)
    return Registered("shop", versions, versions if staying is None else staying, known=True)


def names(*texts: str, place: Place = HEADER) -> Named:
    return Named(place, tuple(map(parse_range, texts)))


def chosen(
    *named: Named,
    default: str | None = None,
    there: Registered | None = None,
    deprecated: tuple[Deprecated, ...] = (),
    now_s: float = 0.0,
    is_split: bool = False,
) -> Chosen:
    policy = VersionsPolicy(
        default=None if default is None else parse_range(default), deprecated=deprecated
    )
    return choose(policy, named, there or registered(*THERE), now_s, is_split=is_split)


def texts(found: Chosen) -> list[str]:
    return [one.text for one in found.ranges]


def test_versions_are_in_their_order_and_not_in_that_of_text() -> None:
    assert in_order(["2.0.0", "10.0.0", "2.0.0-rc.1", "latest", "2.0.0"]) == (
        "2.0.0-rc.1",
        "2.0.0",
        "10.0.0",
    )


def test_a_named_version_wins_over_the_default() -> None:
    assert texts(chosen(names("2"), default="1")) == ["2"]
    assert texts(chosen(default="1")) == ["1"]
    assert chosen(default="1").text == "1"


def test_versions_that_some_version_is_in_together_do_not_contradict_each_other() -> None:
    assert texts(chosen(names("1"), names("1.4", place=QUERY))) == ["1", "1.4"]
    assert chosen(names("1"), names("1.4", place=QUERY)).text == "1 and 1.4"
    assert texts(chosen(names("1"), names("1", place=QUERY))) == ["1"]
    with pytest.raises(VersionConflict, match="Accept-Version names version 1 and query member v"):
        chosen(names("1"), names("2", place=QUERY))


def test_of_several_welcome_versions_the_first_that_there_is_is_taken() -> None:
    assert texts(chosen(names("9", "2", "1"))) == ["2"]
    assert texts(chosen(names("9", "2", "1"), names("1", place=QUERY))) == ["1"]
    with pytest.raises(VersionNotFound, match="no version 9"):
        chosen(names("9", "8"))


def test_what_a_default_lacks_is_not_the_client_s_mistake() -> None:
    with pytest.raises(NoHealthyInstance):
        chosen(default="7")
    with pytest.raises(VersionNotFound):
        chosen(names("7"), default="7")


def test_where_nothing_is_known_of_a_service_its_candidates_decide() -> None:
    assert texts(chosen(names("7"), there=Registered("shop"))) == ["7"]
    partial = Registered("shop", ("1.0.0",), ("1.0.0",), known=True, partial=True)
    with pytest.raises(NoHealthyInstance):
        chosen(names("7"), there=partial)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (registered(*THERE), ["1"]),
        (registered("0.3.1", "0.4.0", "1.0.0"), ["0.3"]),
        (registered("1.0.0", "2.0.0", staying=("2.0.0",)), ["2"]),
        (registered("1.0.0", staying=()), ["1"]),
        (registered("2.0.0-rc.1", "2.0.0"), ["2"]),
        (registered("2.0.0-rc.1"), ["2.0.0-rc.1"]),
        (registered(), []),
    ],
)
def test_the_oldest_version_that_there_is(there: Registered, expected: list[str]) -> None:
    found = chosen(there=there)
    assert texts(found) == expected
    assert found.is_oldest


def test_a_split_decides_for_who_names_no_version() -> None:
    assert chosen(default="1", is_split=True) == Chosen((), None)
    assert texts(chosen(names("2"), default="1", is_split=True)) == ["2"]


def test_after_its_sunset_a_version_is_gone() -> None:
    for named in ((names("1"),), ()):
        with pytest.raises(VersionGone, match=r"since 2027-01-15; there is 3.0.0-rc.1, 2.0.0"):
            chosen(*named, default="1", deprecated=(ENDING,), now_s=SUNSET_S)
    assert texts(chosen(names("1"), deprecated=(ENDING,), now_s=SUNSET_S - 1)) == ["1"]


def test_a_version_is_gone_whether_it_is_registered_or_not() -> None:
    with pytest.raises(VersionGone):
        chosen(names("1.4"), there=registered("2.0.0"), deprecated=(ENDING,), now_s=SUNSET_S)
    with pytest.raises(VersionNotFound):
        chosen(names("7"), deprecated=(ENDING,), now_s=SUNSET_S)
    for named in ((names("1.4"),), ()):
        with pytest.raises(VersionGone):
            chosen(
                *named,
                default="1",
                there=Registered("shop"),
                deprecated=(ENDING,),
                now_s=SUNSET_S,
            )


def test_a_range_with_others_goes_to_these_once_one_is_gone() -> None:
    found = chosen(names(">=1"), deprecated=(ENDING,), now_s=SUNSET_S)
    assert texts(found) == [">=1 but not 1"]
    assert not found.ranges[0].holds("1.4.2")
    assert found.ranges[0].holds("2.0.0")
    assert texts(chosen(deprecated=(ENDING,), now_s=SUNSET_S)) == ["2"]
    assert texts(chosen(deprecated=(ENDING,), now_s=SUNSET_S, is_split=True)) == ["* but not 1"]


def test_what_is_deprecated_is_said_by_the_version_that_answered() -> None:
    policy = VersionsPolicy(deprecated=(ENDING,))
    assert deprecation(policy, "1.4.2") is ENDING
    assert deprecation(policy, "2.0.0") is None
    assert deprecation(policy, None) is None
    assert deprecation_of(policy, (parse_range(">=1"),)) is None
    assert deprecation_of(policy, (parse_range("1.4"),)) is ENDING
    assert deprecation_of(policy, ()) is None


def test_a_star_deprecates_instances_without_a_version_too() -> None:
    policy = VersionsPolicy(deprecated=(EVERY,))
    assert deprecation(policy, None) is EVERY
    assert deprecation_of(policy, ()) is EVERY


@pytest.mark.parametrize(
    ("there", "ending", "is_gone"),
    [
        (registered("1.0.0", "1.4.2"), ENDING, True),
        (registered("1.0.0", "2.0.0"), ENDING, False),
        (registered("1.0.0")._replace(mixed=True), ENDING, False),
        (registered("1.0.0")._replace(partial=True), ENDING, False),
        (registered(), ENDING, False),
        (registered("1.0.0"), EVERY, True),
        (registered()._replace(mixed=True), EVERY, True),
        (Registered("shop"), EVERY, True),
    ],
)
def test_who_names_none_is_told_if_all_that_there_is_is_gone(
    there: Registered, ending: Deprecated, is_gone: bool
) -> None:
    if is_gone:
        with pytest.raises(VersionGone):
            chosen(there=there, deprecated=(ending,), now_s=SUNSET_S)
    else:
        assert chosen(there=there, deprecated=(ending,), now_s=SUNSET_S).is_oldest
    assert chosen(there=there, deprecated=(ending,), now_s=SUNSET_S - 1).is_oldest


versions = st.sampled_from(["0.1.0", "1.0.0", "1.2.0", "2.0.0", "2.1.0-rc.1", "3.0.0"])
ranges = st.sampled_from(["1", "1.2", ">=1", "^2", "*", "2.1.0-rc.1", "4", "1 || 3"])


@given(
    there=st.lists(versions, max_size=4),
    named=st.lists(st.lists(ranges, min_size=1, max_size=3), max_size=3),
    default=st.none() | ranges,
    now_s=st.sampled_from([0.0, SUNSET_S]),
)
def test_who_is_not_refused_gets_a_version_that_is_there_and_not_gone(
    there: list[str], named: list[list[str]], default: str | None, now_s: float
) -> None:
    try:
        found = chosen(
            *(names(*each) for each in named),
            default=default,
            there=registered(*there),
            deprecated=(ENDING,),
            now_s=now_s,
        )
    except (VersionConflict, VersionNotFound, VersionGone, NoHealthyInstance):
        return
    fitting = [one for one in there if all(each.holds(one) for each in found.ranges)]
    if named and not all("*" in each for each in named):
        assert fitting
    if now_s:
        assert not any(ENDING.versions.holds(one) for one in fitting)


def test_two_ranges_are_compared_once_however_they_are_combined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[str, str]] = []
    overlaps = VersionRange.overlaps

    def counted(one: VersionRange, other: VersionRange) -> bool:
        compared.append((one.text, other.text))
        return overlaps(one, other)

    monkeypatch.setattr(VersionRange, "overlaps", counted)
    several = [[f"1.{place}.{patch}+" for patch in range(4)] for place in range(4)]
    assert chosen(*(names(*some) for some in several), names("1.10")).text
    assert len(compared) == len({*compared}) <= 17 * 16 / 2
