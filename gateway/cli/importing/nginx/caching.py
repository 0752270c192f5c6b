"""What nginx keeps of a location's answers, as the cache of a route of ours."""

from gateway.cli.importing.model import Note, Route, Value
from gateway.cli.importing.nginx.scopes import Scope
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.values import duration_of, milliseconds_of

#: An answer that nobody asks for is dropped by nginx after this time, unless proxy_cache_path says another one.
_INACTIVE = "10m"
_DAY_MS = 86_400_000
_MOST_DAYS = 365
_UPDATING = "updating"
_STALE = "nginx serves stale answers for as long as it keeps them; Lockgate for the time that is set here"
_KEYED = (
    "nginx keeps one answer for all headers that Vary does not name; Lockgate's key has Cookie, Origin and others "
    "too, unless ignore_headers or vary_headers name them"
)


def cache(route: Route, scope: Scope) -> None:
    """Put proxy_cache into the route with its times."""
    one = scope.last("proxy_cache")
    if one is None or one.args in ([], ["off"]):
        return
    value: dict[str, Value] = {}
    for line in scope.in_force("proxy_cache_valid"):
        _valid(value, route, line)
    stale = scope.last("proxy_cache_use_stale")
    if stale is not None and stale.args != ["off"]:
        if _UPDATING in stale.args:
            value["stale_while_revalidate"] = _INACTIVE
        if set(stale.args) - {_UPDATING}:
            value["stale_if_error"] = _INACTIVE
        route.notes.append(Note(stale.place, _STALE))
    route.settings["cache"] = value
    route.notes.append(Note(one.place, _KEYED))


def _valid(value: dict[str, Value], route: Route, line: Directive) -> None:
    """Take a time for answers that do not say theirs; ours is one for all statuses that may be kept."""
    *statuses, time = line.args or [""]
    milliseconds = milliseconds_of(time)
    if milliseconds is None or milliseconds > _MOST_DAYS * _DAY_MS:
        route.notes.append(Note(line.place, f"{line}: not a time of up to a year"))
    elif not statuses or "200" in statuses or "any" in statuses:
        value["default_ttl"] = _duration(milliseconds)
    else:
        text = f"{line}: default_ttl is the same for all statuses; let the service send max-age"
        route.notes.append(Note(line.place, text))


def _duration(milliseconds: int) -> Value:
    if milliseconds <= _DAY_MS:
        return duration_of(milliseconds)
    days, left = divmod(milliseconds, _DAY_MS)
    return milliseconds // 1000 if left else f"{days}d"
