"""Parses Traefik's rules, such as Host(`a`) && (Path(`/b`) || PathPrefix(`/c`)), into matches."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from gateway.cli.importing.model import Match
from gateway.cli.importing.values import field_of, host_of, method_of, path_of

MAX_CHARACTERS = 10_000
MAX_DEPTH = 32
#: Routes that one rule may come to.
MAX_MATCHES = 100
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>&&|\|\||[!(),])|(?P<name>[A-Za-z]+)|`(?P<raw>[^`]*)`|"(?P<quoted>(?:[^"\\]|\\.)*)")\s*"""
)
_ANY_OF = frozenset(["host", "path", "pathprefix", "method"])


class NotUnderstood(Exception):
    """The rule can't be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    args: tuple[str, ...]


#: A rule as alternatives, each of them matchers that all have to fit.
Alternatives = tuple[tuple[Matcher, ...], ...]


def matches_of(rule: str) -> list[Match]:
    """The matches of a rule, one for each alternative. NotUnderstood: it can't be matched alike."""
    if len(rule) > MAX_CHARACTERS:
        raise NotUnderstood(f"longer than {MAX_CHARACTERS:,} characters")
    found = [_match(alternative) for alternative in _Parser(rule).parse()]
    return list(dict.fromkeys(_with_methods_together(found)))


class _Parser:
    def __init__(self, rule: str) -> None:
        self._tokens = list(_tokens(rule))
        self._at = 0

    def parse(self) -> Alternatives:
        found = self._any(0)
        if self._at < len(self._tokens):
            raise NotUnderstood(f"{self._tokens[self._at][1]!r} is not expected there")
        return found

    def _any(self, depth: int) -> Alternatives:
        if depth > MAX_DEPTH:
            raise NotUnderstood(f"more than {MAX_DEPTH} levels of parentheses")
        found = self._all(depth)
        while self._takes("||"):
            found += self._all(depth)
            _check_count(len(found))
        return found

    def _all(self, depth: int) -> Alternatives:
        found = self._one(depth)
        while self._takes("&&"):
            other = self._one(depth)
            _check_count(len(found) * len(other))
            found = tuple(left + right for left, right in product(found, other))
        return found

    def _one(self, depth: int) -> Alternatives:
        if self._takes("!"):
            raise NotUnderstood(
                "`!` has no counterpart; write a more specific route for what it leaves out"
            )
        if self._takes("("):
            found = self._any(depth + 1)
            self._expect(")")
            return found
        kind, name = self._next()
        if kind != "name":
            raise NotUnderstood(f"a matcher is expected, not {name!r}")
        self._expect("(")
        args = []
        while not self._takes(")"):
            kind, text = self._next()
            if kind != "text":
                raise NotUnderstood(f"a text in backticks is expected, not {text!r}")
            args.append(text)
            if not self._takes(","):
                self._expect(")")
                break
        return _alternatives(name, args)

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise NotUnderstood("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, mark: str) -> bool:
        found = self._tokens[self._at : self._at + 1] == [("mark", mark)]
        self._at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise NotUnderstood(f"{mark!r} is expected")


def _tokens(rule: str) -> Iterator[tuple[str, str]]:
    at = 0
    rule = rule.strip()
    while at < len(rule):
        found = _TOKEN.match(rule, at)
        if found is None:
            raise NotUnderstood(f"{rule[at]!r} is not expected there")
        at = found.end()
        kind = found.lastgroup or ""
        text = found[kind]
        if kind == "quoted":
            text = re.sub(r"\\(.)", r"\1", text)
        yield (kind if kind in ("mark", "name") else "text"), text


def _alternatives(name: str, args: Sequence[str]) -> Alternatives:
    """Several arguments of one matcher of Traefik 2 are alternatives, or all have to fit."""
    lower = name.lower()
    if not args:
        raise NotUnderstood(f"{name} has no argument")
    if lower in _ANY_OF:
        _check_count(len(args))
        return tuple((Matcher(lower, (arg,)),) for arg in args)
    if lower == "query" and all("=" in arg for arg in args):  # Traefik 2
        pairs = [arg.partition("=") for arg in args]
        return (tuple(Matcher(lower, (key, value)) for key, _, value in pairs),)
    if lower in ("header", "headers", "query") and len(args) == 2:
        return ((Matcher(lower, tuple(args)),),)
    raise NotUnderstood(f"{name} has no counterpart")


def _check_count(count: int) -> None:
    if count > MAX_MATCHES:
        raise NotUnderstood(f"it comes to more than {MAX_MATCHES} routes")


def _match(matchers: Sequence[Matcher]) -> Match:
    host: str | None = None
    path: str | None = None
    prefix: str | None = None
    methods: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    for one in matchers:
        value = one.args[0]
        match one.name:
            case "host":
                host = _same("Host", host, _checked(host_of(value), "host", value))
            case "path":
                path = _same("Path", path, _checked(path_of(value), "path", value))
            case "pathprefix":
                prefix = _longer(prefix, _checked(path_of(value), "path", value))
            case "method":
                method = _checked(method_of(value), "method", value)
                methods = (_same("Method", methods[0] if methods else None, method),)
            case "query":
                query[value] = _same("Query", query.get(value), one.args[1])
            case _:
                name = _checked(field_of(value), "header", value)
                text = _checked(_field_value(one.args[1]), "value", one.args[1])
                headers[name] = _same("Header", headers.get(name), text)
    if path is not None and prefix is not None:
        _longer(prefix, path)
        if not _begins(path, prefix):
            raise NotUnderstood("no path fits all of it")
        prefix = None
    if "" in query or any(not key.isprintable() for key in query):
        raise NotUnderstood("a member of the query has no name")
    return Match(host, path, prefix, methods, tuple(headers.items()), tuple(query.items()))


def _checked(value: str | None, kind: str, given: str) -> str:
    if value is None or (kind == "host" and "*" in value):
        raise NotUnderstood(f"{given!r} is no {kind} that Lockgate can match")
    return value


def _field_value(text: str) -> str | None:
    return text if text.isprintable() and text.isascii() and text == text.strip() else None


def _same(name: str, first: str | None, second: str) -> str:
    if first is not None and first != second:
        raise NotUnderstood(f"no request fits two different {name}")
    return second


def _longer(first: str | None, second: str) -> str:
    if first is None or _begins(second, first):
        return second
    if _begins(first, second):
        return first
    raise NotUnderstood("no path fits all of it")


def _begins(path: str, prefix: str) -> bool:
    wide = [part for part in prefix.split("/") if part]
    return [part for part in path.split("/") if part][: len(wide)] == wide


def _with_methods_together(matches: Sequence[Match]) -> Iterator[Match]:
    """Matches that differ in methods alone become one."""
    methods: dict[Match, list[str]] = {}
    for one in matches:
        rest = Match(one.host, one.path, one.prefix, (), one.headers, one.query)
        methods.setdefault(rest, []).extend(one.methods or [""])
    for rest, names in methods.items():
        every = () if "" in names else tuple(dict.fromkeys(names))
        yield Match(rest.host, rest.path, rest.prefix, every, rest.headers, rest.query)
