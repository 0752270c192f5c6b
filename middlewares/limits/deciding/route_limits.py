"""The limits of a route, and what they need to know of a request."""

from collections.abc import Sequence
from functools import cached_property

from middlewares.limits.deciding.policies import Policy


class RouteLimits:
    """Limits that are decided together; they have distinct names."""

    def __init__(self, policies: Sequence[Policy] = ()) -> None:
        self.policies = tuple(policies)

    @cached_property
    def by_client(self) -> bool:
        """Whether all of them count a client's requests."""
        return all(policy.by == "client" for policy in self.policies)

    @cached_property
    def by_header(self) -> bool:
        """Whether one of them counts by a field of the request."""
        return any(policy.by == "header" for policy in self.policies)

    @cached_property
    def count_answers(self) -> bool:
        """Whether one of them is charged by the answer's status."""
        return any(policy.counts for policy in self.policies)

    @cached_property
    def are_plain(self) -> bool:
        """Whether none has anything to do once a request is admitted, and none is a shadow."""
        return not any(one.counts or one.is_held or one.shadow for one in self.policies)

    @cached_property
    def budgets(self) -> tuple[Policy, ...]:
        """Those by what requests cost."""
        return tuple(policy for policy in self.policies if policy.budget)

    def and_own(self, policy: Policy) -> "RouteLimits":
        """These and the limit that a client has of its own."""
        return RouteLimits((*self.policies, policy))


#: Those of a route without any.
NO_LIMITS = RouteLimits()


def at_the_door(policies: Sequence[Policy]) -> RouteLimits:
    """Those that are decided before it is known who asks: they count answers such as failed log-ins.

    So they count the refusals of whoever could not say who it is, and refuse before a password is
    verified once more.
    """
    return RouteLimits([policy for policy in policies if _is_at_the_door(policy)])


def behind_the_door(policies: Sequence[Policy]) -> RouteLimits:
    """All others."""
    return RouteLimits([policy for policy in policies if not _is_at_the_door(policy)])


def _is_at_the_door(policy: Policy) -> bool:
    return bool(policy.counts) and policy.by != "subject"
