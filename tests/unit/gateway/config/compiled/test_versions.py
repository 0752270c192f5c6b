"""What a file says of versions, merged over its levels, compiled and told in words."""

from typing import Any

from gateway.config.compiled.versions import rows, versions_of
from gateway.config.file.versions import Versions
from middlewares.version_ranges import parse_range
from middlewares.versions.policy import Deprecated, Place, VersionsPolicy


def section(**said: Any) -> Versions:
    return Versions.model_validate(said)


EVERYWHERE = section(**{"from": ("path", {"header": "X-V"}), "gone_after_sunset": True})
OF_ROUTE = section(
    default="2",
    deprecated={
        "1": {"since": "2026-01-01", "sunset": "2027-01-01T02:00:00+02:00", "link": "/docs"},
        "0": {
            "since": "2025-01-01T00:00:01Z",
            "sunset": "2026-01-01",
            "link": {"sunset": "https://a/b", "deprecation": "https://a/c"},
            "gone_after_sunset": False,
        },
    },
)


def test_the_levels_are_merged_key_by_key() -> None:
    assert versions_of([EVERYWHERE, OF_ROUTE]) == VersionsPolicy(
        (Place("path"), Place("header", "x-v")),
        parse_range("2"),
        (
            Deprecated(
                parse_range("1"),
                1767225600,
                1798761600,
                (("successor-version", "/docs"),),
                is_gone_after=True,
            ),
            Deprecated(
                parse_range("0"),
                1735689601,
                1767225600,
                (("deprecation", "https://a/c"), ("sunset", "https://a/b")),
            ),
        ),
    )


def test_nothing_said_is_every_default_and_a_null_switches_off() -> None:
    assert versions_of([section()]) == VersionsPolicy()
    assert VersionsPolicy().vary == "Accept-Version"
    assert versions_of([EVERYWHERE, None]) is None
    assert versions_of([EVERYWHERE, None, section()]) == VersionsPolicy()


def test_each_key_is_told_with_the_level_that_says_it() -> None:
    policy = versions_of([EVERYWHERE, OF_ROUTE])
    assert [*rows([("route", OF_ROUTE), ("defaults", EVERYWHERE)], policy)] == [
        ("versions.from", ["path", "header X-V"], "defaults"),
        ("versions.default", "2", "route"),
        (
            "versions.deprecated.1",
            "since 2026-01-01, gone after 2027-01-01, successor-version /docs",
            "route",
        ),
        (
            "versions.deprecated.0",
            "since 2025-01-01T00:00:01Z, sunset 2026-01-01, deprecation https://a/c, sunset https://a/b",
            "route",
        ),
    ]
    assert [*rows([("route", None)], None)] == [("versions", None, "route")]
    assert [*rows([], None)] == []
    oldest = ("versions.default", "the oldest", "built in")
    assert oldest in [*rows([("defaults", section())], VersionsPolicy())]
