"""The routes of a configuration file, and what another one would change, as commands print them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.cli.missing_workers import missing_workers
from gateway.cli.output import print_below, print_lines
from middlewares.telemetry.printable import printable

_INDENT = "    "
#: A value that is longer leaves the column behind it where it is.
_WIDEST = 40
_CACHE_TIMES = frozenset(
    f"cache.{key}" for key in ("default_ttl", "stale_while_revalidate", "stale_if_error")
)
_TIMES = _CACHE_TIMES | {"retries.per_try"}
_SIZES = frozenset(["max_body", "cache.object", "compress.over"])
#: The keys whose 0 is a number like others.
_ZERO_COUNTS = _CACHE_TIMES | {"retries.budget", "compress.over", "compress.level.br"}


def print_configured(document: Mapping[str, Any]) -> None:
    """Print the answer to `GET /routes`, or the same of a file that is not in force."""
    lines = [f"Routes of {document['file']}, in the order in which they are tried", ""]
    for route in document["routes"]:
        lines += _of_route(route)
    if not document["routes"]:
        lines += ["The file has no route.", ""]
    prefix = document["discover"]
    if prefix is None:
        lines.append("No route is discovered (discover: false)")
    else:
        lines += [f"Then services that register, by name below {prefix}", ""]
        for route in document["discovered"]:
            lines += _of_route(route)
    print_lines(*(printable(line).rstrip() for line in lines))


def print_compared(answer: Mapping[str, Any]) -> None:
    """Print the answer to `POST /config/diff`."""
    lines = list(answer["differences"]) or ["nothing is different"]
    if answer["file"] is None:
        lines += ["", "No file is in force: it was compared with nothing, and no requests are kept"]
    else:
        number = answer["requests"]["looked_at"]
        lines += ["", *(_moved(one, number) for one in answer["requests"]["moved"])]
        if not answer["requests"]["moved"]:
            lines.append(f"0 of {number} requests would go elsewhere")
    print_lines(*map(printable, lines))
    print_below(missing_workers(answer))


def _moved(moved: Mapping[str, Any], number: int) -> str:
    place = f"{moved['method']} {moved['host']} {moved['path']}"
    return (
        f"{moved['requests']} of {number} requests: {place}: {moved['before']} → {moved['after']}"
    )


def _of_route(route: Mapping[str, Any]) -> Iterator[str]:
    instances = f" ({_instances(route['instances'])})" if "instances" in route else ""
    yield f"{route['route']}: {_match(route['match'])} → {_action(route)}{instances}"
    for name, asked in route.get("respond", {}).get("compose", {}).items():
        yield f"{_INDENT}part {name}: {asked}"
    yield f"{_INDENT}in: {' → '.join(route['order'])}"
    yield f"{_INDENT}out: {' → '.join(route['order_out'])}"
    rows = [
        (one["key"], _value(one["key"], one["value"]), one["from"]) for one in route["policies"]
    ]
    keys, values = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
    for key, value, source in rows:
        yield f"{_INDENT}{key:{keys}}  {value:{min(values, _WIDEST)}}  {source}"
    yield ""


def _match(match: Mapping[str, Any]) -> str:
    """What the route takes, as in `GET, HEAD shop.example.com/orders/{id} with header X-Plan: gold`."""
    prefix = match.get("prefix", "/").rstrip("/")
    place = match.get("host", "") + match.get("path", f"{prefix}/*")
    methods = ", ".join(match.get("methods", ()))
    conditions = [
        f"header {name}{_condition(one)}" for name, one in match.get("headers", {}).items()
    ]
    conditions += [f"query {name}{_condition(one)}" for name, one in match.get("query", {}).items()]
    told = f"{methods} {place}" if methods else place
    return f"{told} with {', '.join(conditions)}" if conditions else told


def _condition(condition: str | Mapping[str, Any]) -> str:
    if isinstance(condition, str):
        return f": {condition}"
    return "" if "present" in condition else f" like {condition['regex']}"


def _action(route: Mapping[str, Any]) -> str:
    if "respond" in route:
        parts = route["respond"].get("compose", ())
        of_parts = f" of {len(parts)} parts" if parts else ""
        return f"answer {route['respond']['status']}{of_parts}"
    if "ways" in route:
        return f"answer of {', '.join(route['ways'])}"
    if "redirect" in route:
        return f"redirect ({_pairs(route['redirect'])})"
    parts = [f"rewrite {_pairs(route['rewrite'])}"] if "rewrite" in route else []
    parts += ["the instance's own host"] if route.get("preserve_host") is False else []
    parts += [f"paths {route['paths']}"] if "paths" in route else []
    return ", ".join([route["service"], *parts])


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _instances(instances: Mapping[str, Any]) -> str:
    if instances["state"] == "usable":
        return f"{instances['usable']} of {instances['total']} instances usable"
    total = f" of {instances['total']}" if instances["total"] else ""
    return f"{instances['state']}{total}: answers 503"


def _value(key: str, value: str | float | Sequence[object] | None) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = value if isinstance(value, int) else f"{value:g}"
        return f"{number}{_unit(key)}" if value or key in _ZERO_COUNTS else "no limit"
    return ", ".join(
        json.dumps(one, ensure_ascii=False) if isinstance(one, Mapping) else str(one)
        for one in value
    )


def _unit(key: str) -> str:
    if key.startswith("timeouts.") or key in _TIMES:
        return " s"
    return " bytes" if key in _SIZES else ""
