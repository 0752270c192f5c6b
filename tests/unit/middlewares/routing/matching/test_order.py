"""Routes are listed in the order of trial, and those that get nothing are named."""

from middlewares.routing.matching.match import Exact, Match, Present
from middlewares.routing.matching.matcher import Matcher


def named(**matches: Match) -> Matcher[str]:
    return Matcher([(match, name) for name, match in matches.items()])


def test_routes_are_listed_as_they_are_tried() -> None:
    matcher = named(
        none=Match(),
        long=Match(prefix="/a/b"),
        template=Match(path="/a/{x}"),
        exact=Match(path="/a/b"),
        get=Match(path="/a/b", methods=frozenset(["GET"])),
        header=Match(path="/a/b", headers={"a": Present()}),
        query=Match(path="/a/b", query={"a": Present()}),
        star=Match(host="*.com"),
        longer=Match(host="*.a.com"),
        second=Match(host="b.com", path="/"),
        first=Match(host="a.com"),
        also_second=Match(host="b.com", path="/a"),
    )
    assert matcher.order() == [
        *("also_second", "second", "first", "longer", "star"),
        *("get", "header", "query", "exact", "template", "long", "none"),
    ]


def test_a_route_behind_one_that_takes_all_of_it_is_unreachable() -> None:
    matcher = named(
        both=Match(path="/a/{x}", methods=frozenset(["GET", "PUT"])),
        get=Match(path="/a/{y}", methods=frozenset(["GET"])),
        put_and_post=Match(path="/a/{y}", methods=frozenset(["PUT", "POST"])),
        there=Match(headers={"a": Present()}),
        one=Match(headers={"a": Exact("1")}),
        other=Match(headers={"b": Exact("1")}),
        exact=Match(query={"a": Exact("1")}),
        again=Match(prefix="/", query={"a": Exact("1")}),
        looser=Match(query={"a": Present()}),
        host=Match(host="a.com"),
        same_host=Match(host="A.com"),
    )
    assert sorted(matcher.unreachable()) == [
        ("again", "exact"),
        ("get", "both"),
        ("one", "there"),
        ("same_host", "host"),
    ]
