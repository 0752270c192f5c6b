"""What only the file as a whole tells of who may call: ways that are not there, routes that say nothing."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from gateway.config.file.auth.supported import not_supported
from gateway.config.file.auth.ways import TYPES_WITH_CLAIMS, TYPES_WITH_SCOPES
from gateway.config.file.mistakes import Mistake
from gateway.config.file.nodes import Node, Path, key_position, node_at
from gateway.config.file.wording import or_nearest, quoted, quoted_list, spelled

Found = Iterator[Mistake | None]

#: What the limit of a single key is called.
OF_KEYS = "key"


def wrong_auth(value: Mapping[str, Any], root: Node) -> Found:
    """Yield for each section that was looked at: a mistake, or None."""
    ways = value.get("auth", {})
    if not isinstance(ways, dict):
        return
    for path, holder in _holders(value):
        said = holder.get("auth")
        if isinstance(said, dict):
            yield from _wrong_requirement((*path, "auth"), said, ways, root)
        yield None
    limits = value.get("limits")
    if isinstance(limits, dict) and OF_KEYS in limits and "api_key" in map(_type_of, ways.values()):
        message = "this is the name of the limits that API keys have of their own: choose another"
        place = ("limits", OF_KEYS)
        yield Mistake(key_position(root, place), spelled(place), message)
    if ways:
        yield from _silent(value, root)


def closed_by_silence(value: Mapping[str, Any]) -> bool:
    """Whether the routes of registered services admit nobody because nothing is said of them."""
    return bool(value.get("auth")) and not _says(value.get("defaults"))


def _wrong_requirement(
    path: Path, said: Mapping[str, Any], ways: Mapping[str, Any], root: Node
) -> Found:
    names = said.get("any_of")
    named = [name for name in names if isinstance(name, str)] if isinstance(names, tuple) else []
    there = f"; there {'are' if len(ways) > 1 else 'is'} {quoted_list(ways)}"
    nothing = "; the file has no section auth with ways in it"
    for index, name in enumerate(names if isinstance(names, tuple) else ()):
        if isinstance(name, str) and name not in ways:
            message = f"there is no way {quoted(name)}{or_nearest(name, ways, there if ways else nothing)}"
            yield _at((*path, "any_of", index), message, root)
    types = [_type_of(ways.get(name)) for name in named]
    if not types or None in types:
        return
    for key, able in (("scopes", TYPES_WITH_SCOPES), ("claims", TYPES_WITH_CLAIMS)):
        if said.get(key) and not any(_may_give(ways[name], key, able) for name in named):
            message = f"nobody can have any: {key} come from ways of type {', '.join(able)}"
            if key == "scopes" and "forward" in types:
                message += "; of type forward only with its key scopes"
            yield Mistake(key_position(root, (*path, key)), spelled((*path, key)), message)
    able_to_have = {
        "scopes": [ways[name] for name in named if _type_of(ways[name]) in TYPES_WITH_SCOPES],
        "claims": [ways[name] for name in named if _type_of(ways[name]) in TYPES_WITH_CLAIMS],
    }
    for below, message, at_key in not_supported(said, able_to_have):
        place = (*path, *below)
        if at_key:
            yield Mistake(key_position(root, place), spelled(place), message)
        else:
            yield _at(place, message, root)


def _may_give(way: Any, key: str, able: Collection[str]) -> bool:
    """Whether clients of a way may have scopes or claims."""
    kind = _type_of(way)
    return kind in able and not (kind == "forward" and key == "scopes" and "scopes" not in way)


def _silent(value: Mapping[str, Any], root: Node) -> Found:
    """The routes that say nothing, and inherit nothing."""
    if _says(value.get("defaults")):
        return
    services = value.get("services")
    for index, route in _routes(value):
        service = services.get(route.get("service")) if isinstance(services, dict) else None
        if not _says(route) and not _says(service):
            message = (
                "auth is missing: with a section auth, it stands in defaults or in every route; "
                "auth: none admits everybody"
            )
            yield _at(("routes", index), message, root)
        yield None


def _says(holder: Any) -> bool:
    return isinstance(holder, dict) and "auth" in holder


def _type_of(way: Any) -> str | None:
    kind = way.get("type") if isinstance(way, dict) else None
    return kind if isinstance(kind, str) else None


def _routes(value: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    routes = value.get("routes")
    for index, route in enumerate(routes if isinstance(routes, tuple) else ()):
        if isinstance(route, dict):
            yield index, route


def _holders(value: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each mapping that may have `auth`, with its path."""
    services = value.get("services")
    named: Iterator[tuple[Path, Any]] = chain(
        [(("defaults",), value.get("defaults"))],
        ((("services", name), one) for name, one in services.items())
        if isinstance(services, dict)
        else (),
        ((("routes", index), route) for index, route in _routes(value)),
    )
    for path, holder in named:
        if isinstance(holder, dict):
            yield path, holder


def _at(path: Path, message: str, root: Node) -> Mistake:
    return Mistake(node_at(root, path).position, spelled(path), message)
