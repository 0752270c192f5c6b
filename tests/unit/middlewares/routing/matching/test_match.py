"""Paths and prefixes of the configuration are taken apart, or refused with a message."""

import pytest

from middlewares.routing.matching.match import (
    Exact,
    Match,
    Present,
    Shape,
    host_name,
    parse_path,
    parse_prefix,
    wildcard_suffix,
)


def test_a_template_has_values_where_its_names_stand() -> None:
    shape = parse_path("/orders/{id}/items/{item_2}")
    assert shape.segments == ("orders", None, "items", None)
    assert shape.names == (("id", 1), ("item_2", 3))
    assert shape.literals == 2


@pytest.mark.parametrize(
    ("prefix", "segments"),
    [("/", ()), ("/a", ("a",)), ("/a/", ("a",)), ("/a/%62 c", ("a", "b c"))],
)
def test_a_prefix_has_no_slash_at_its_end(prefix: str, segments: tuple[str, ...]) -> None:
    assert parse_prefix(prefix) == Shape(segments, (), is_prefix=True)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a", "a path must begin with /"),
        ("", "a path must begin with /"),
        ("/a?b", "a path must have no query"),
        ("/{a}/{a}", r"a template must name each value once, \{a\} stands twice"),
        ("/x{a}", r'a value such as \{id\} must be a whole segment, "x\{a\}" is not'),
        ("/{}", r'a value such as \{id\} must be a whole segment, "\{\}" is not'),
        ("/{a", "a value such as"),
        ("/a//b", "a path must not be ambiguous: the path has an empty segment"),
        ("/a/%2e%2e", "a path must not be ambiguous: the path has a segment of dots"),
    ],
)
def test_a_mistake_in_a_path_is_named(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_path(path)


def test_a_prefix_has_no_values() -> None:
    with pytest.raises(ValueError, match="a prefix must have no values"):
        parse_prefix("/a/{b}")


def test_with_as_is_an_ambiguous_path_may_be_named() -> None:
    assert parse_path("/a//{b}", as_is=True).segments == ("a", "", None)


def test_matches_are_the_same_if_they_take_the_same_requests() -> None:
    one = Match(host="A.com", path="/a/{x}", headers={"a": Exact("1"), "b": Present()})
    same = Match(host="a.com.", path="/%61/{y}", headers={"b": Present(), "a": Exact("1")})
    other = Match(host="a.com", path="/a/{x}", headers={"a": Exact("1"), "b": Exact("1")})
    assert one.identity == same.identity != other.identity
    assert Match(prefix="/").identity == Match().identity != Match(path="/").identity


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        (b"A.com:80", "a.com"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        (b"[2001:DB8:0::0:1]:80", "[2001:db8::1]"),
        ("[::1%25eth0]", "[::1%25eth0]"),
        ("[::1", "[::1]"),
        ("a.com.:1", "a.com"),
        ("u:p@a.com", "a.com"),
    ],
)
def test_a_host_name_is_without_port(authority: bytes | str, name: str) -> None:
    assert host_name(authority) == name


def test_only_a_wildcard_has_a_suffix() -> None:
    assert wildcard_suffix("*.A.com.") == "a.com"
    assert wildcard_suffix("a.com") is None
