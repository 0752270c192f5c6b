"""The policies that change, version, split, mirror and validate requests, of what all levels say together."""

from collections.abc import Callable, Sequence
from typing import Any

from gateway.config.compiled.compress import compress_of
from gateway.config.compiled.levels import last, merged, said
from gateway.config.compiled.mirror import mirrors_of
from gateway.config.compiled.split import split_of
from gateway.config.compiled.transform import request_of, response_of, rewrites_location
from gateway.config.compiled.validate import validate_of
from gateway.config.compiled.versions import versions_of
from gateway.config.file.sections import Section

#: For each key of the file the field of the policy, and what compiles it.
#:
#: `compile(values)` gets what each level that says the key says, the most general one first (None is a null),
#: and returns the field's value. Use `levels.merged` where levels are merged key by key, and `levels.last` where
#: the most specific one counts.
_KEYS: dict[str, tuple[str, Callable[[Sequence[Any]], Any]]] = {
    "compress": ("compress", lambda values: compress_of(merged(values))),
    "validates": ("validate", lambda values: validate_of(last(values))),
    "request": ("request", request_of),
    "response": ("response", response_of),
    "rewrite_location": ("rewrites_location", rewrites_location),
    "versions": ("versions", versions_of),
    "split": ("split", split_of),
    "mirror": ("mirrors", mirrors_of),
}
#: The keys that hold for the gateway's own answers too.
_OF_OWN_ANSWERS = frozenset(["compress"])


def changes_of(levels: Sequence[Section | None], *, has_service: bool) -> dict[str, Any]:
    """The fields of a route's policy that some level says something of.

    `levels` are defaults, the service and the route. A route without a service has only those of _OF_OWN_ANSWERS.
    """
    made: dict[str, Any] = {}
    if all(level is None or level.model_fields_set.isdisjoint(_KEYS) for level in levels):
        return made  # as nearly all of thousands of routes
    for key, (field, compile_values) in _KEYS.items():
        if not (has_service or key in _OF_OWN_ANSWERS):
            continue
        if values := said(levels, key):
            made[field] = compile_values(values)
    return made
