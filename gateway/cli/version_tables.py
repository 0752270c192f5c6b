"""The tables of `lockgate versions`."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.cli.missing_workers import missing_workers
from gateway.cli.output import print_below, print_lines, print_rows
from gateway.cli.tables import Coloured
from middlewares.telemetry.printable import printable

_INSTANCES = ("service", "version", "instances", "healthy")
_CALLS = ("route", "version", "state", "requests", "refused", "caller", "its requests", "last seen")
_LEFT_OUT = ("refused", "last seen")


def print_versions(document: Mapping[str, Any]) -> None:
    """Print the answer to `GET /versions`."""
    rows = [
        (service["service"], one["version"] or "-", str(one["instances"]), str(one["healthy"]))
        for service in document["services"]
        for one in service["versions"]
    ]
    if rows:
        print_rows(_INSTANCES, rows, to_the_right=_INSTANCES[2:])
    else:
        print_lines("no instance has a version")
    calls = [row for route in document["routes"] for row in _rows(route)]
    if calls:
        print_lines("")
        print_rows(
            _CALLS, calls, to_the_right=("requests", "refused", "its requests"), left_out=_LEFT_OUT
        )
    else:
        print_below(["no route of the configuration file has versions"])
    print_below(missing_workers(document))


def _rows(route: Mapping[str, Any]) -> Iterator[tuple[str | Coloured, ...]]:
    """A row for each caller of each version; what they share stands in the first one alone."""
    name = route["route"]
    if not route["versions"]:
        yield name, "-", "-", "0", "0", "-", "-", "-"
    for one in route["versions"]:
        shared = (name, one["version"], _state(one), str(one["requests"]), str(one["refused"]))
        callers = [
            (_caller(caller), str(caller["requests"]), caller["last_seen"])
            for caller in one["callers"]
        ]
        if one["others"]:
            callers.append(("others", str(one["others"]), "-"))
        for caller in callers or [("-", "-", "-")]:
            yield (*shared, *caller)
            shared = ("", "", "", "", "")
        name = ""


def _caller(caller: Mapping[str, Any]) -> str:
    return printable(f"{caller['by']} {caller['name']}") if caller["name"] else "no User-Agent"


def _state(one: Mapping[str, Any]) -> str | Coloured:
    deprecated = one["deprecated"]
    if deprecated is None:
        return "-"
    if deprecated["gone"]:
        return Coloured("gone", "red")
    ends = f", ends {deprecated['sunset'][:10]}" if deprecated["sunset"] else ""
    return Coloured(f"deprecated{ends}", "yellow")
