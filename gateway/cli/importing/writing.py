"""Writes what was imported as a file of ours, with comments on where each part comes from."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.cli.importing.model import Imported, Limit, Match, Note, Route, Service, Value
from middlewares.telemetry.printable import printable

#: A route's keys, in the order in which they are written.
_KEYS = (
    "service", "redirect", "respond", "rewrite", "preserve_host", "timeouts", "limits", "cache", "max_body",
    "cors", "allow", "deny",
)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*|[1-9][0-9]{0,14}(?:ms|s|m|h|d|KiB|MiB|GiB)")
#: Readers of YAML 1.1 take these for values of other kinds.
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MOST_CHARACTERS = 240


def written(imported: Imported, source: str) -> str:
    """The text of the file."""
    return "\n".join(_lines(imported, source)) + "\n"


def _lines(imported: Imported, source: str) -> Iterator[str]:
    yield _comment(f"Made by `lockgate import` from {source}. `lockgate check-config` checks it.")
    yield _comment(
        "A comment with a file and line says where a part comes from, or what is not understood."
    )
    yield from map(_comment, imported.differences)
    yield ""
    yield "# Only the routes of this file; remove the line, and registered services have theirs below /api."
    yield "discover: false"
    yield "defaults:"
    yield "  limits: null  # without it, RATE_LIMIT_REQUESTS holds for every route"
    if imported.limits:
        yield from ("", "limits:")
        for limit in imported.limits:
            yield from _limit(limit)
    if imported.services:
        yield from ("", "services:")
        for service in imported.services:
            yield from _service(service)
    if imported.routes:
        yield from ("", "routes:")
        for route in imported.routes:
            yield from _route(route)
    if imported.notes:
        yield from ("", "# Of the rest:")
        yield from _notes(imported.notes, "")
    if imported.suggestions:
        yield ""
        yield from map(_comment, imported.suggestions)


def _limit(limit: Limit) -> Iterator[str]:
    yield f"  {_comment(Note(limit.place, limit.origin))}"
    value: dict[str, Value] = {"concurrent": limit.requests}
    if limit.window:
        value = {"requests": limit.requests, "window": limit.window}
    if limit.by != "client":
        value["by"] = limit.by
    yield f"  {limit.name}: {_flow(value)}"
    yield from _notes(limit.notes, "  ")


def _service(service: Service) -> Iterator[str]:
    yield f"  {_comment(Note(service.place, service.origin))}"
    yield f"  {service.name}:"
    yield f"    urls: {_flow(list(dict.fromkeys(service.urls)))}"
    if service.health:
        yield f"    health: {_flow(service.health)}"
    if service.balance:
        yield f"    balance: {_flow(service.balance)}"
    if service.retries:
        yield f"    retries: {_flow(service.retries)}"
    yield from _notes(service.notes, "    ")


def _route(route: Route) -> Iterator[str]:
    yield f"  {_comment(Note(route.place, route.origin))}"
    yield f"  - name: {route.name}"
    yield f"    match: {_flow(_match(route.match))}"
    for key in _KEYS:
        if key in route.settings:
            yield f"    {key}: {_flow(route.settings[key])}"
    yield from _notes(route.notes, "    ")


def _match(match: Match) -> dict[str, Value]:
    value: dict[str, Value] = {
        "host": match.host,
        "path": match.path,
        "prefix": match.prefix,
        "methods": match.methods,
        "headers": dict(match.headers),
        "query": dict(match.query),
    }
    return {key: one for key, one in value.items() if one}


def _notes(notes: Iterable[Note], indent: str) -> Iterator[str]:
    """One line for each, by place; the same is said once."""
    return (
        f"{indent}{_comment(note)}"
        for note in sorted(dict.fromkeys(notes), key=lambda note: note.place)
    )


def _comment(text: object) -> str:
    """One line, whatever the other file says."""
    line = printable(str(text))
    return f"# {line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + '…'}"


def _flow(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return _scalar(value)
        case Mapping():
            members = (f"{_scalar(key)}: {_flow(one)}" for key, one in value.items())
            return f"{{{', '.join(members)}}}"
        case Sequence():
            return f"[{', '.join(map(_flow, value))}]"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
