"""No server reads a path that a route took as one of another route."""

import re
from collections.abc import Callable
from random import Random
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from middlewares.header_section import HeaderSection
from middlewares.routing.matching.match import Match
from middlewares.routing.matching.matcher import Ambiguous, Hit, Matcher
from middlewares.routing.matching.readings import readings
from tests.support import naive_routing


def decode(path: str) -> str:
    return unquote(path, errors="surrogateescape")


def decode_segments(path: str) -> str:
    return "/".join(decode(part).replace("/", "%2F") for part in path.split("/"))


def merge(path: str) -> str:
    while "//" in path:
        path = path.replace("//", "/")
    return path


def cut(path: str) -> str:
    return "/".join(part.partition(";")[0] for part in path.split("/"))


def backslashes(path: str) -> str:
    return path.replace("\\", "/")


def resolve(path: str) -> str:
    """As RFC 3986 does in §5.2.4, by its own loop over the text."""
    rest, done = path, ""
    while rest:
        if rest.startswith("/./") or rest == "/.":
            rest = "/" + rest[3:]
        elif rest.startswith("/../") or rest == "/..":
            rest, done = "/" + rest[4:], done.rpartition("/")[0]
        else:
            segment = re.match(r"/?[^/]*", rest)
            assert segment is not None
            rest, done = rest[segment.end() :], done + segment[0]
    return done


STEPS = (merge, cut, backslashes, resolve)


def some_servers(number: int) -> list[list[Callable[[str], str]]]:
    """What servers do to a path, in any order: each decodes once or twice, other steps it takes or not."""
    random = Random(7)  # the same ones each time, so that a failure is one of the path alone
    servers: list[list[Callable[[str], str]]] = []
    for _ in range(number):
        steps: list[Callable[[str], str]] = random.choices(
            (decode, decode_segments), k=random.randint(1, 2)
        )
        steps += random.choices(STEPS, k=random.randint(0, 5))
        random.shuffle(steps)
        servers.append(steps)
    return servers


SERVERS = some_servers(150)

PIECES = (
    *(
        "/",
        "/",
        "/",
        "a",
        "b",
        "admin",
        ".",
        "..",
        "%2e",
        "%2F",
        "%252e",
        "%252F",
        "%25",
        "2e",
        "%",
        ";",
    ),
    *(";x", "%3B", "\\", "%5c", "%255C", "%61", "é", "%ff", "x", "/../", "//", "/./"),
)
paths = st.lists(st.sampled_from(PIECES), max_size=10).map(lambda pieces: "/" + "".join(pieces))

#: Routes of one service, each with a policy of its own.
ROUTES = (
    Match(path="/a"),
    Match(path="/a/"),
    Match(path="/a/{x}"),
    Match(path="/a/b"),
    Match(path="/a/{x}/admin"),
    Match(prefix="/a/admin"),
    Match(prefix="/b"),
    Match(prefix="/b/admin"),
    Match(path="/{x}/x/admin/{y}"),
)
MATCHER = Matcher([(match, at) for at, match in enumerate(ROUTES)])


PLACES = naive_routing.in_order(ROUTES)


def owner(path: str) -> int | None:
    return naive_routing.find(ROUTES, PLACES, "", path, "GET", (), "")


@settings(max_examples=800)
@given(paths)
@example("/b/x/..;/admin")
@example("/b/x/%252e%252e/admin")
@example("/b/x/%2e%2e%2fadmin")
@example("/x/..\\b\\admin")
@example("/b/%61dmin/x%2Fy")
def test_no_reading_of_a_path_belongs_to_another_route(path: str) -> None:
    found = MATCHER.find(b"", path, "GET", HeaderSection([]), "")
    if isinstance(found, Ambiguous):
        return
    expected = found.route if isinstance(found, Hit) else None
    for server in SERVERS:
        read = path
        for step in server:
            read = step(read)
        assert owner(read) == expected, (read, server)


@pytest.mark.parametrize(
    "path",
    ["/api/price/a%2Fb", "/api/price//x", "/api/price/a;b", "/api/price/../x", "/b%zz", "/c/%ff"],
)
def test_a_path_that_nobody_reads_as_a_configured_one_is_left_to_others(path: str) -> None:
    assert MATCHER.find(b"", path, "GET", HeaderSection([]), "") is None


@pytest.mark.parametrize("path", ["/b%00.png", "/x/../b\0x", "/b#x"])
def test_a_path_that_ends_early_for_some_is_refused(path: str) -> None:
    assert isinstance(MATCHER.find(b"", path, "GET", HeaderSection([]), ""), Ambiguous)


@pytest.mark.parametrize("path", ["/a/.", "/a/x/.."])
def test_dots_at_the_end_may_or_may_not_leave_a_slash(path: str) -> None:
    assert {"/a", "/a/"} <= (readings(path) or set())


def test_a_path_with_too_many_readings_is_not_listed() -> None:
    assert readings("/%255c%3b%253b%252f%2f%2e%252f%2500%2f//%255c//a/../b") is None
    assert readings("/a" * 1000 + "//") is None


def test_a_path_with_too_many_readings_is_refused_where_a_host_has_routes() -> None:
    matcher = Matcher([(Match(host="a.com", path="/a"), "a")])
    path = "/x" * 600 + "//"
    assert isinstance(matcher.find(b"a.com", path, "GET", HeaderSection([]), ""), Ambiguous)
    assert matcher.find(b"b.com", path, "GET", HeaderSection([]), "") is None


def test_without_any_route_nothing_is_ambiguous() -> None:
    matcher: Matcher[str] = Matcher([])
    assert matcher.find(b"", "//" * 2000, "GET", HeaderSection([]), "") is None
