"""Which registered instances a command means: by service and ID, by a unique ID, or a whole service."""

from collections.abc import Sequence
from typing import Any

from discovery.model.naming import names_meant
from gateway.stack.failures import StackError, UsageError

#: The names of a service and an instance; both are safe in a URL.
Target = tuple[str, str]

_MOST_NAMED = 20


def find_targets(
    services: Sequence[Any], words: Sequence[str], *, all_of_them: bool
) -> list[Target]:
    """The instances that `words` mean, among the services as `GET /services` lists them.

    StackError names the ones that exist.
    """
    listed = {one["name"]: [instance["id"] for instance in one["instances"]] for one in services}
    if all_of_them:
        if len(words) != 1:
            raise UsageError("--all: takes a service, and no instance")
        service = _service(words[0], listed)
        return [(service, instance_id) for instance_id in listed[service]]
    if len(words) > 2:
        raise UsageError(f"{' '.join(words)}: name a service and one instance of it, or --all")
    if len(words) == 2:
        service = _service(words[0], listed)
        return [_instance(service, words[1], listed)]
    word, slash, instance_id = words[0].partition("/")
    if slash:
        return [_instance(_service(word, listed), instance_id, listed)]
    return [_by_id(word, listed)]


def _service(name: str, listed: dict[str, list[str]]) -> str:
    """The service of that name, or of that name in a route."""
    for service in (name, *names_meant(name)):
        if service in listed:
            return service
    raise StackError(f"no service {name} is registered; there are: {_some(sorted(listed))}")


def _instance(service: str, instance_id: str, listed: dict[str, list[str]]) -> Target:
    if instance_id not in listed[service]:
        there_are = _some(listed[service])
        raise StackError(f"no instance {instance_id} of {service}; there are: {there_are}")
    return service, instance_id


def _by_id(word: str, listed: dict[str, list[str]]) -> Target:
    found = [(service, id_) for service, ids in listed.items() for id_ in ids if id_ == word]
    if len(found) == 1:
        return found[0]
    if found:
        several = _some([f"{service}/{id_}" for service, id_ in found])
        raise UsageError(f"{word}: several services have an instance of that ID: {several}")
    for service in (word, *names_meant(word)):
        if service in listed:
            ids = _some(listed[service])
            raise UsageError(f"{word} is a service: name an instance of it, or --all; it has {ids}")
    there_are = _some([f"{service}/{id_}" for service, ids in listed.items() for id_ in ids])
    raise StackError(f"no instance {word} is registered; there are: {there_are}")


def _some(names: Sequence[str]) -> str:
    """The names in one line; if there are many, only the first ones."""
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
