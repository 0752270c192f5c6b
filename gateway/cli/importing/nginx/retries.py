"""Reads when nginx passes a request on to the next server."""

import re

from gateway.cli.importing.model import Imported, Note, Route, Value
from gateway.cli.importing.nginx.scopes import Scope

_STATUS = re.compile(r"http_([45][0-9]{2})")
#: What ends an attempt in nginx, and in ours.
_CAUSES: dict[str, tuple[str, ...]] = {"error": ("connect", "reset"), "timeout": ("timeout",)}
_MOST_ATTEMPTS = 10


def put_retries(route: Route, scope: Scope, imported: Imported) -> None:
    """Put them into the service; where nothing is said, both have the same default but for time-outs."""
    one, tries = scope.last("proxy_next_upstream"), scope.last("proxy_next_upstream_tries")
    if one is None and tries is None:
        return
    place = one.place if one is not None else route.place
    causes = one.args if one is not None else ["error", "timeout"]
    on: list[Value] = []
    for cause in causes:
        if found := _STATUS.fullmatch(cause):
            on.append(int(found[1]))
        elif cause in _CAUSES:
            on += _CAUSES[cause]
        elif cause != "off":
            why = "Lockgate repeats others only with Idempotency-Key"
            if cause != "non_idempotent":
                why = "Lockgate has no counterpart"
            route.notes.append(Note(place, f"proxy_next_upstream {cause}: {why}"))
    if "off" in causes or not on:
        imported.repeat(route, {"attempts": 1}, place, "proxy_next_upstream")
        return
    given = tries.args[0] if tries is not None and tries.args else "0"
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    service = next((s for s in imported.services if s.name == route.settings["service"]), None)
    number = number or (len(service.urls) if service is not None else 1)
    retries: dict[str, Value] = {"attempts": min(number, _MOST_ATTEMPTS), "on": on}
    imported.repeat(route, retries, place, "proxy_next_upstream")
