"""What a file says of validation, in the form that the layer works with, and in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from gateway.config.file.validate import Validation
from middlewares.routing.policy import RoutePolicy
from middlewares.validate.policy import Mode, Unknown, ValidatePolicy, Wanted

_Said = str | Validation | None


def validate_of(said: _Said) -> ValidatePolicy | None:
    """The policy of the level that counts, which is taken whole; None: nothing is validated."""
    if said is None:
        return None
    if isinstance(said, str):
        return ValidatePolicy(cast("Mode", said))
    return ValidatePolicy(
        cast("Mode", said.mode),
        responses=said.responses == "report",
        unknown_paths=cast("Unknown", said.unknown_paths),
        unchecked=cast("Unknown", said.unchecked),
        formats=said.formats,
    )


def rows(
    levels: Sequence[tuple[str, _Said]], policy: ValidatePolicy | None
) -> Iterator[tuple[str, Any, str]]:
    """What is in force, with the level that says it; nothing if no level does.

    `levels` are those that say `validate`, the most specific one first.
    """
    if not levels:
        return
    source = levels[0][0]
    if policy is None:
        yield "validate", None, source
        return
    yield "validate", policy.mode, source
    if policy.responses:
        yield "validate.responses", "report", source
    for key in ("unknown_paths", "unchecked"):
        if getattr(policy, key) != "pass":
            yield f"validate.{key}", getattr(policy, key), source
    if policy.formats:
        yield "validate.formats", True, source


def wanted_of(policies: Iterable[RoutePolicy]) -> Wanted | None:
    """What the documents of a service are for, by the policies of its routes; None: none of them wants one."""
    found = {policy.validate for policy in policies} - {None}
    if not found:
        return None
    policies_of = [one for one in found if one is not None]
    return Wanted(
        frozenset(one.formats for one in policies_of), any(one.responses for one in policies_of)
    )


def wanted_by_service(
    of_routes: Mapping[str, Iterable[RoutePolicy]],
    of_services: Mapping[str, RoutePolicy],
    general: RoutePolicy | None,
) -> Mapping[str, Wanted]:
    """What is wanted of the services that a file names, by those of its routes that have a policy for it.

    `general` is the policy of discovered routes; None: nothing is discovered, and `of_services` does not count.
    """
    found = {}
    for name in {*of_routes, *of_services}:
        discovered = [] if general is None else [of_services.get(name, general)]
        wanted = wanted_of([*of_routes.get(name, ()), *discovered])
        # A service that wants none must not fall under the others.
        found[name] = wanted or Wanted()
    return found
