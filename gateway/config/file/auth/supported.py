"""Scopes and claims that a route asks for, and that none of its ways says that there are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.config.file.nodes import Path
from gateway.config.file.wording import or_nearest, quoted, quoted_list

#: By the key of a route's `auth`: the key of a way that lists all that there are, and one of them in words.
_LISTS = {"scopes": ("scopes_supported", "scope"), "claims": ("claims_supported", "claim")}


def not_supported(
    said: Mapping[str, Any], ways: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[tuple[Path, str, bool]]:
    """The path below `auth` of each, what is wrong with it, and whether that is a key.

    A way without a list may have any. `ways` are those of the route that can have scopes, or claims, at all.
    """
    for key, (lists, word) in _LISTS.items():
        known: dict[str, None] = {}
        for way in ways[key]:
            listed = _listed(way, key, lists)
            if not isinstance(listed, tuple) or not listed:
                break
            known.update(dict.fromkeys(one for one in listed if isinstance(one, str)))
        else:
            if not ways[key]:
                continue  # that nobody can have any is told already
            for path, name in _asked_for(key, said.get(key)):
                if name not in known:
                    is_asked = any(way.get("type") == "oidc" for way in ways[key])
                    there = f"; {key if is_asked else lists} has {quoted_list(known)}"
                    message = f"there is no {word} {quoted(name)}{or_nearest(name, known, there)}"
                    yield path, message, key == "claims"


def _listed(way: Mapping[str, Any], key: str, lists: str) -> Any:
    """What a way can have. People who log in have those scopes that they are asked for."""
    if way.get("type") == "oidc" and key == "scopes":
        return way.get("scopes", ("openid",))
    return way.get(lists)


def _asked_for(key: str, value: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, dict):
        return
    for name, listed in value.items():
        if key == "claims":
            yield (key, name), name
        elif isinstance(listed, tuple):
            for index, one in enumerate(listed):
                if isinstance(one, str):
                    yield (key, name, index), one
