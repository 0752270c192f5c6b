"""The matcher decides as the contract words it, reads no more than it must, and takes any bytes."""

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.header_section import HeaderSection
from middlewares.routing.matching.match import Exact, Match, Present
from middlewares.routing.matching.matcher import Ambiguous, Hit, Matcher
from tests.support import naive_routing

SEGMENTS = ("a", "b", "c")
NAMES = ("x-a", "x-b")
VALUES = ("1", "2", "1, 2")
ASKED_HOSTS = ("a.com", "b.a.com", "x.c.b.a.com", "com", "d.com", "x.y.a.com", "example")
HOSTS = ("a.com", "b.a.com", "c.b.a.com", "com", "b.com")

conditions = st.sampled_from([Exact("1"), Exact("2"), Exact("1, 2"), Present()])
parts = st.lists(st.sampled_from([*SEGMENTS, "{}"]), max_size=4)


def template(given: Sequence[str], slash: bool) -> str:
    named = [f"{{v{at}}}" if part == "{}" else part for at, part in enumerate(given)]
    return "/" + "/".join(named) + ("/" if slash and named else "")


paths = st.builds(template, parts, st.booleans())
prefixes = st.builds(template, st.lists(st.sampled_from(SEGMENTS), max_size=3), st.booleans())
place = st.one_of(
    st.builds(lambda path: (path, None), paths),
    st.builds(lambda prefix: (None, prefix), st.one_of(st.none(), prefixes)),
)
matches = st.builds(
    lambda place, **given: Match(path=place[0], prefix=place[1], **given),
    place=place,
    host=st.one_of(st.none(), st.sampled_from([*HOSTS, *(f"*.{host}" for host in HOSTS)])),
    methods=st.one_of(
        st.none(), st.frozensets(st.sampled_from(["GET", "PUT", "OPTIONS"]), min_size=1)
    ),
    headers=st.dictionaries(st.sampled_from(NAMES), conditions, max_size=2),
    query=st.dictionaries(st.sampled_from(NAMES), conditions, max_size=2),
)
asked_paths = st.builds(
    template, st.lists(st.sampled_from([*SEGMENTS, "d"]), max_size=5), st.booleans()
)
fields = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "X-B", "Origin", "Access-Control-Request-Method"]),
        st.sampled_from([*VALUES, "GET", "PUT"]),
    ),
    max_size=4,
)
queries = st.lists(
    st.tuples(st.sampled_from(["x-a", "x-b", "%78-a"]), st.sampled_from(["1", "2", "1,+2", "%31"])),
    max_size=3,
)


def section_of(given: Sequence[tuple[str, str]]) -> HeaderSection:
    return HeaderSection([(name.encode(), value.encode()) for name, value in given])


@settings(max_examples=400)
@given(
    st.lists(matches, max_size=12), st.lists(asked_paths, min_size=1, max_size=3), fields, queries
)
def test_the_tree_finds_what_a_loop_over_all_routes_finds(
    routes: list[Match],
    paths: list[str],
    given_fields: list[tuple[str, str]],
    members: list[tuple[str, str]],
) -> None:
    matcher = Matcher([(match, at) for at, match in enumerate(routes)])
    unreachable = {route for route, _ in matcher.unreachable()}
    places = naive_routing.in_order(routes)
    query = "&".join(f"{name}={value}" for name, value in members)
    section = section_of(given_fields)
    for host, path, method in product(ASKED_HOSTS, paths, ("GET", "HEAD", "PUT", "OPTIONS")):
        expected = naive_routing.find(routes, places, host, path, method, section.fields, query)

        found = matcher.find(host.upper().encode() + b":8080", path, method, section, query)

        assert (found.route if isinstance(found, Hit) else found) == expected
        assert expected not in unreachable


RAW = st.one_of(
    st.text(),
    st.binary().map(lambda raw: "/" + raw.decode("utf-8", "surrogateescape")),
    st.lists(
        st.sampled_from(
            [
                "/",
                "//",
                "a",
                "b",
                ".",
                "..",
                "%2e",
                "%2F",
                "%25",
                "2f",
                "%",
                ";",
                "\\",
                "%5c",
                "\0",
                "%00",
                "é",
                "%ff",
            ]
        )
    ).map(lambda pieces: "/" + "".join(pieces)),
)


@settings(max_examples=300)
@given(
    st.lists(matches, max_size=6),
    st.binary(),
    RAW,
    st.text(),
    st.lists(st.tuples(st.binary(), st.binary())),
    st.text(),
)
def test_no_request_makes_it_raise(
    routes: list[Match],
    host: bytes,
    path: str,
    method: str,
    lines: list[tuple[bytes, bytes]],
    query: str,
) -> None:
    matcher = Matcher([(match, at) for at, match in enumerate(routes)])
    section = HeaderSection(lines)
    for asked in (method, "OPTIONS"):
        found = matcher.find(host, path, asked, section, query)
        assert found is None or isinstance(found, Hit | Ambiguous)
        matcher.nearest(host, path, asked, section, query)


LONG = {
    "slashes": "/" * 65_000,
    "dots": "/" + "../" * 20_000 + "a",
    "escapes": "/" + "%2e%2e%2f" * 7_000,
    "mixed": "/" + ";/.%5c%252f..\\" * 70,
    "percent signs": "/" + "%" * 60_000,
    "segments": "/a" * 32_000,
    "one segment": "/" + "a" * 65_000,
}


@pytest.mark.parametrize("path", LONG.values(), ids=LONG.keys())
@pytest.mark.timeout(10)
def test_no_long_path_makes_it_hang(path: str) -> None:
    routes = [Match(path="/a/{x}/b"), Match(prefix="/b/c"), Match(prefix="/d", as_is=True)]
    matcher = Matcher([(match, at) for at, match in enumerate(routes)])
    for _ in range(20):
        matcher.find(b"a.com", path, "GET", HeaderSection([]), "")


class Unread:
    """Fields that nobody may ask for."""

    @property
    def fields(self) -> Sequence[tuple[bytes, bytes]]:
        raise AssertionError("the fields were read")


def test_a_route_without_conditions_on_fields_reads_none() -> None:
    matcher = Matcher([(Match(path="/a/{x}", methods=frozenset(["GET"])), "a")])
    found = matcher.find(b"a.com", "/a/b", "GET", Unread(), "a=1")
    assert isinstance(found, Hit)


def test_a_hit_has_the_values_and_the_rest() -> None:
    matcher = Matcher([(Match(path="/a/{x}/{y}"), "a"), (Match(prefix="/b/c"), "b")])

    found = matcher.find(b"", "/a/%41%20b/%2541", "GET", HeaderSection([]), "")
    assert isinstance(found, Ambiguous)
    found = matcher.find(b"", "/a/%41%20b/c", "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    assert (found.values, found.rest) == ({"x": "A b", "y": "c"}, "")
    found = matcher.find(b"", "/b/%63/d%20/", "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    assert (found.values, found.rest) == ({}, "/d%20/")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.com", "exact"),
        (b"A.COM:1", "exact"),
        ("user@a.com:80", "exact"),
        ("b.a.com.", "below"),
        ("", "any"),
        ("...", "any"),
        ("." * 60_000 + ".a.com", "below"),
        ("[::1", "any"),
        (":80", "any"),
    ],
)
def test_a_host_is_compared_without_case_port_and_last_dot(host: str, expected: str) -> None:
    matcher = Matcher(
        [
            (Match(), "any"),
            (Match(host="*.a.com"), "below"),
            (Match(host="A.com."), "exact"),
        ]
    )
    found = matcher.find(host, "/", "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    assert found.route == expected
