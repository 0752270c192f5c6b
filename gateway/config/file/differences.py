"""Says in words how one configuration differs from another."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from pydantic import BaseModel

from discovery.base.steps import Steps, slices
from gateway.config.file.configuration import Configuration
from gateway.config.file.hosts import ServiceUrl
from gateway.config.file.numbers import Statuses
from gateway.config.file.routes import Route

#: A longer value is cut: what has changed can be seen in the file.
MOST_CHARACTERS = 80


def differences(before: Configuration, after: Configuration) -> Steps[list[str]]:
    """A line for each thing that was added, removed or changed, in the order of the file."""
    found = [*_of_values("discover", before.discover, after.discover)]
    found += _of_sections("defaults", before.defaults, after.defaults)
    found += _of_named("limit", before.limits, after.limits)
    found += _of_named("way", before.auth, after.auth)
    told = before.tls is not None, after.tls is not None
    found += _of_values("tls", before.tls, after.tls, told)
    found += _of_sections("cache", before.cache, after.cache)
    yield
    found += _of_named("service", before.services, after.services)
    yield
    old = yield from _by_name(before.routes)
    new = yield from _by_name(after.routes)
    for names in slices(chain(new, (name for name in old if name not in new))):
        for name in names:
            found += _of_one(f"route {name}", old.get(name), new.get(name))
        yield
    kept = [name for name in new if name in old]
    if kept != [name for name in old if name in new]:
        found.append("routes: they stand in another order, which decides between equals")
    return found


def _by_name(routes: Iterable[Route]) -> Steps[dict[str, Route]]:
    found: dict[str, Route] = {}
    for some in slices(routes):
        found.update({route.name: route for route in some})
        yield
    return found


def _of_named(
    kind: str, before: Mapping[str, BaseModel], after: Mapping[str, BaseModel]
) -> Iterator[str]:
    for name in dict.fromkeys((*after, *before)):
        yield from _of_one(f"{kind} {name}", before.get(name), after.get(name))


def _of_one(what: str, before: BaseModel | None, after: BaseModel | None) -> Iterator[str]:
    if before is None:
        yield f"{what}: added"
    elif after is None:
        yield f"{what}: removed"
    elif type(before) is not type(after):
        yield f"{what}: replaced by one of another type"
    elif before is not after and before != after:
        yield from _of_sections(what, before, after)


def _of_sections(where: str, before: BaseModel, after: BaseModel) -> Iterator[str]:
    for key in _keys(before, after):
        told = _told(before, key), _told(after, key)
        if told[0] != told[1] or _value(before, key) != _value(after, key):
            yield from _of_values(
                f"{where}: {_name(after, key)}", _value(before, key), _value(after, key), told
            )


def _of_values(
    where: str, before: Any, after: Any, told: tuple[bool, bool] = (True, True)
) -> Iterator[str]:
    if isinstance(before, BaseModel) and isinstance(after, BaseModel) and all(told):
        for line in _of_sections("", before, after):
            yield f"{where}.{line.removeprefix(': ')}"
    elif before != after or told[0] != told[1]:
        yield f"{where}: {_shown(before, told[0])} → {_shown(after, told[1])}"


def _keys(*sections: BaseModel) -> Iterable[str]:
    return type(sections[0]).model_fields


def _name(section: BaseModel, key: str) -> str:
    return type(section).model_fields[key].alias or key


def _told(section: BaseModel, key: str) -> bool:
    return key in section.model_fields_set


def _value(section: BaseModel, key: str) -> Any:
    """The value; a duration as the file has it, which may stand in another unit there."""
    value = getattr(section, key)
    return f"{value:g}s" if key.endswith("_s") and isinstance(value, float | int) else value


def _shown(value: Any, told: bool) -> str:
    if not told:
        return "left out"
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def plain(value: Any) -> Any:
    """The value as JSON can have it, by the names of the file."""
    if isinstance(value, BaseModel):
        told = (key for key in _keys(value) if _told(value, key))
        return {_name(value, key): plain(_value(value, key)) for key in told}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, ServiceUrl):
        return str(value)
    if isinstance(value, Statuses):
        return value.first if value.first == value.last else str(value)
    if isinstance(value, list | tuple | frozenset):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
