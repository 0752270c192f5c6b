"""Rules of Traefik, and the matches that they come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.importing.model import Match
from gateway.cli.importing.traefik.rules import MAX_MATCHES, NotUnderstood, matches_of

UNDERSTOOD = {
    "Host(`a.example`)": [Match(host="a.example")],
    'Host("a.example")': [Match(host="a.example")],
    "Host(`A.Example`)": [Match(host="a.example")],
    "Host(`a`) || Host(`b`)": [Match(host="a"), Match(host="b")],
    "Host(`a`, `b`)": [Match(host="a"), Match(host="b")],
    "Path(`/x`)": [Match(path="/x")],
    "Path(`/x/`)": [Match(path="/x/")],
    "PathPrefix(`/x/`)": [Match(prefix="/x/")],
    "PathPrefix(`/`)": [Match(prefix="/")],
    "PathPrefix(`/x`, `/y`)": [Match(prefix="/x"), Match(prefix="/y")],
    "Host(`a`) && PathPrefix(`/x`)": [Match(host="a", prefix="/x")],
    "PathPrefix(`/x`) && Host(`a`)": [Match(host="a", prefix="/x")],
    "Host(`a`)&&Path(`/x`)||Path(`/y`)": [Match(host="a", path="/x"), Match(path="/y")],
    "Host(`a`) && (Path(`/x`) || Path(`/y`))": [
        Match(host="a", path="/x"),
        Match(host="a", path="/y"),
    ],
    "(((Host(`a`))))": [Match(host="a")],
    "PathPrefix(`/x`) && PathPrefix(`/x/y`)": [Match(prefix="/x/y")],
    "PathPrefix(`/x/y`) && PathPrefix(`/x`)": [Match(prefix="/x/y")],
    "PathPrefix(`/x`) && Path(`/x/y`)": [Match(path="/x/y")],
    "Method(`GET`)": [Match(methods=("GET",))],
    "Method(`get`) || Method(`POST`)": [Match(methods=("GET", "POST"))],
    "Method(`GET`, `POST`)": [Match(methods=("GET", "POST"))],
    "Method(`GET`) || PathPrefix(`/`)": [Match(methods=("GET",)), Match(prefix="/")],
    "Host(`a`) && Method(`GET`) || Host(`a`)": [Match(host="a")],
    "Header(`X-Plan`, `gold`)": [Match(headers=(("X-Plan", "gold"),))],
    "Headers(`X-Plan`, `gold`)": [Match(headers=(("X-Plan", "gold"),))],
    "Query(`preview`, `1`)": [Match(query=(("preview", "1"),))],
    "Query(`preview=1`)": [Match(query=(("preview", "1"),))],
    "Query(`a=1`, `b=2`)": [Match(query=(("a", "1"), ("b", "2")))],
    "Host(`a`) || Host(`a`)": [Match(host="a")],
}
NOT_UNDERSTOOD = {
    "": "ends too early",
    "Host": "'(' is expected",
    "Host()": "no argument",
    "Host(`a`": "')' is expected",
    "Host(`a`) &&": "ends too early",
    "Host(`a`) Path(`/`)": "'Path' is not expected",
    "Host(`a`))": "')' is not expected",
    "Host(a)": "a text in backticks",
    "Host(`a)": "'`' is not expected",
    "Host(`a`) & Path(`/`)": "'&' is not expected",
    "&& Host(`a`)": "a matcher is expected",
    "!Host(`a`)": "`!` has no counterpart",
    "Host(`a`) && !Path(`/x`)": "`!` has no counterpart",
    "HostRegexp(`.+`)": "HostRegexp has no counterpart",
    "ClientIP(`10.0.0.0/8`)": "ClientIP has no counterpart",
    "HeaderRegexp(`a`, `b`)": "HeaderRegexp has no counterpart",
    "Header(`a`)": "Header has no counterpart",
    "Query(`a`)": "Query has no counterpart",
    "Host(`*.example`)": "no host",
    "Host(`${DOMAIN}`)": "no host",
    "Path(`x`)": "no path",
    "Path(`/{id}`)": "no path",
    "Path(`/a/../b`)": "no path",
    "PathPrefix(`/a//b`)": "no path",
    "Method(`G T`)": "no method",
    "Header(`a b`, `c`)": "no header",
    "Header(`a`, ` b`)": "no value",
    "Host(`a`) && Host(`b`)": "two different Host",
    "Path(`/a`) && Path(`/b`)": "two different Path",
    "Path(`/a`) && PathPrefix(`/b`)": "no path fits",
    "Path(`/a`) && PathPrefix(`/a/b`)": "no path fits",
    "PathPrefix(`/a`) && PathPrefix(`/b`)": "no path fits",
    "Method(`GET`) && Method(`POST`)": "two different Method",
    "Query(`a`, `1`) && Query(`a`, `2`)": "two different Query",
    "(" * 40 + "Host(`a`)" + ")" * 40: "levels of parentheses",
    " && ".join(["(Host(`a`) || Host(`b`))"] * 10): f"more than {MAX_MATCHES} routes",
    "Host(`a`)" + " " * 10_000: "longer than",
}


@pytest.mark.parametrize(("rule", "matches"), UNDERSTOOD.items())
def test_a_rule_comes_to_its_matches(rule: str, matches: list[Match]) -> None:
    assert matches_of(rule) == matches


@pytest.mark.parametrize(("rule", "why"), NOT_UNDERSTOOD.items())
def test_a_rule_that_is_not_understood_says_why(rule: str, why: str) -> None:
    with pytest.raises(NotUnderstood) as error:
        matches_of(rule)
    assert why in str(error.value)


PIECES = st.sampled_from(
    ["Host(`a`)", "Path(`/x`)", "&&", "||", "(", ")", "!", " ", ",", "`", '"', "x"]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40))
def test_any_text_is_understood_or_refused(rule: str) -> None:
    found: list[Match] | None
    try:
        found = matches_of(rule)
    except NotUnderstood:
        found = None
    assert found != []
