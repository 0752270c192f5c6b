"""Whatever a client sends, a rewritten path has the segments that the configuration says."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.header_section import HeaderSection
from middlewares.routing.matching.match import Match
from middlewares.routing.matching.matcher import Hit, Matcher
from middlewares.routing.matching.paths import ambiguous
from middlewares.routing.redirecting import Redirect
from middlewares.routing.rewriting import Rewrite, Strip, ToPath, ToPrefix, rewritten

ROUTES: Mapping[str, tuple[Match, Rewrite | None, int]] = {
    "template": (Match(path="/o/{id}/x/{part}", as_is=True), ToPath("/v2/{part}/a-{id}/{id}.b"), 4),
    "prefix": (Match(prefix="/p", as_is=True), ToPrefix("/new/one"), 2),
    "strip": (Match(prefix="/s", as_is=True), Strip("/s"), 0),
    "rest": (Match(prefix="/r", as_is=True), ToPath("/v2/{rest}"), 1),
    "as it is": (Match(prefix="/i", as_is=True), None, 1),
}
MATCHER = Matcher([(match, name) for name, (match, _, _) in ROUTES.items()])

raw = st.one_of(
    st.binary(max_size=12).map(lambda given: given.decode("utf-8", "surrogateescape")),
    st.text(max_size=8),
    st.lists(
        st.sampled_from(
            [
                "%2F",
                "%2e",
                ".",
                "..",
                "%0d%0a",
                "\r\n",
                " ",
                "%",
                "%25",
                ";",
                "?",
                "#",
                "\\",
                "a",
                "é",
            ]
        )
    ).map("".join),
).map(lambda text: text.replace("?", "%3F"))
segment = raw.map(lambda text: text.replace("/", "%2F"))
asked = st.one_of(
    st.builds("/o/{}/x/{}".format, segment, segment),
    st.builds("/{}/{}".format, st.sampled_from("psri"), raw),
)
NO_LINE_ENDS = frozenset(map(chr, [*range(0x21), 0x7F]))


@settings(max_examples=600)
@given(asked, st.sampled_from(["", "?", "?a=b//../%2F"]))
def test_no_byte_changes_the_segments_or_the_lines_of_a_head(path: str, query: str) -> None:
    found = MATCHER.find(b"", path, "GET", HeaderSection([]), "")
    if not isinstance(found, Hit):
        return
    _, rewrite, own = ROUTES[found.route]

    target = rewritten(path + query, found, rewrite)

    rewritten_path, mark, rest = target.partition("?")
    assert mark + rest == query
    assert target.startswith("/")
    if rewrite is None:
        assert target == path + query
        return
    assert NO_LINE_ENDS.isdisjoint(rewritten_path)
    if found.route == "template":
        assert rewritten_path.count("/") == own
        assert ambiguous(rewritten_path) in (
            *(None, "the path is not UTF-8"),
            # Of `paths: as_is` alone: it is in the value, and is encoded there as it was sent.
            *("the path has an encoded slash", "the path has an encoded backslash"),
            *("the path has an encoded NUL", "the path has a segment with a semicolon"),
            "the path is percent-encoded twice",
        )
    else:
        behind = path[2:] or ("" if found.route == "prefix" else "/")
        assert rewritten_path.count("/") == own + behind.count("/")


@settings(max_examples=300)
@given(asked, st.binary(max_size=12), st.sampled_from(["", "?a\r\nb: c", "?é"]))
def test_a_location_is_one_line_of_printable_ascii(path: str, host: bytes, query: str) -> None:
    found = MATCHER.find(b"", path, "GET", HeaderSection([]), "")
    if not isinstance(found, Hit):
        return
    _, rewrite, _ = ROUTES[found.route]
    redirect = Redirect(path=None if isinstance(rewrite, Strip) else rewrite)

    location = redirect.location(path + query, found, scheme="http", authority=host)

    assert all(0x21 <= ord(character) <= 0x7E for character in location)
    assert location.startswith("http://") or (location[0] == "/" and location[1:2] != "/")


def test_names_of_a_rewrite_are_those_that_the_template_needs() -> None:
    assert ToPath("/v2/{id}/{part}/{rest}").names == {"id", "part"}


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [("/", "/a/b", "/a/b"), ("/a", "/b", "/b"), ("/a/b", "/a", "/a"), ("/a", "/a//b", "//b")],
)
def test_a_path_without_the_prefix_is_not_stripped(prefix: str, path: str, expected: str) -> None:
    matcher = Matcher([(Match(as_is=True), "all")])
    found = matcher.find(b"", path, "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    assert rewritten(path, found, Strip(prefix)) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("a;b", "a%3Bb"),
        ("a%2Fb", "a%2Fb"),
        ("a%5cb", "a%5Cb"),
        ("%252e", "%252e"),
        ("%ff", "%FF"),
        ("%00", "%00"),
        ("a@b:c=d,e", "a@b:c=d,e"),
    ],
)
def test_a_value_is_one_segment_however_it_was_sent(sent: str, expected: str) -> None:
    matcher = Matcher([(Match(path="/a/{id}", as_is=True), "a")])
    found = matcher.find(b"", f"/a/{sent}", "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    assert rewritten(f"/a/{sent}", found, ToPath("/b/{id}/c")) == f"/b/{expected}/c"


def test_without_a_host_a_location_is_a_path_of_the_same_host() -> None:
    matcher = Matcher([(Match(as_is=True), "all")])
    found = matcher.find(b"", "//evil.example/x", "GET", HeaderSection([]), "")
    assert isinstance(found, Hit)
    location = Redirect(scheme="https").location(
        "//evil.example/x", found, scheme="http", authority=b""
    )
    assert location == "/evil.example/x"
