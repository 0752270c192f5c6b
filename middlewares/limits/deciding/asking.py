"""What is asked of the limiter: the checks of a request, each with its key."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from middlewares.hygiene.deciding import FieldLine
from middlewares.limits.deciding.policies import Policy


class Check(NamedTuple):
    """The question whether those who share a `key` may have one more request under `policy`."""

    policy: Policy
    key: str


class Ask(NamedTuple):
    """The checks of one request, each with another policy: either all admit it or none is charged.

    `anyway`: the checks are charged even without room, since the answer is known. `more`: so many units
    are reserved in place of what each policy reserves; 0: what it reserves.
    """

    checks: tuple[Check, ...]
    anyway: bool = False
    more: int = 0

    @property
    def holds(self) -> bool:
        """Whether an admitted request holds something until it is settled."""
        for policy, _ in self.checks:  # noqa: SIM110 - half the time of any()
            if policy.is_held:
                return True
        return False

    def need(self, policy: Policy) -> int:
        """How much of a limit an admission takes."""
        return self.more or policy.need

    def after(self, status: int) -> "Ask | None":
        """The ask that charges an answer with this status."""
        checks = tuple(check for check in self.checks if status in check.policy.counts)
        return Ask(checks, anyway=True) if checks else None


class Asking(NamedTuple):
    """Whose request it is: the client's key, its service and route, and the request's fields.

    `subject` is the key of who has authenticated; empty: nobody has.
    """

    client: str
    service: str
    route: str
    fields: Sequence[FieldLine]
    subject: str = ""


def key_of(policy: Policy, asking: Asking) -> str:
    """The key that a request is counted by; no client can choose one of another kind.

    A request without the field `header` is counted by its client, and so is one without a subject.
    """
    if policy.by == "subject":
        return asking.subject or asking.client
    if policy.by == "service":
        return "service:" + asking.service
    if policy.by == "route":
        return "route:" + asking.route
    if policy.by == "everyone":
        return "everyone"
    if policy.by == "header":
        values = [value for name, value in asking.fields if name.lower() == policy.header]
        if values:
            # The registry must not keep a client's value, which may be long, or a secret.
            return "header:" + hashlib.blake2b(b", ".join(values), digest_size=16).hexdigest()
    return asking.client


def ask_of(policies: Sequence[Policy], asking: Asking) -> Ask:
    """Ask whether a request may be made under these policies, each with its own key."""
    client = asking.client
    return Ask(
        tuple(
            [
                Check(policy, client if policy.by == "client" else key_of(policy, asking))
                for policy in policies
            ]
        )
    )


def ask_for(policies: Sequence[Policy], client: str) -> Ask:
    """Ask whether a client may have one more request under these policies, which all count by client."""
    if len(policies) == 1:  # the quick way, for nearly all requests
        return Ask((Check(policies[0], client),))
    return Ask(tuple([Check(policy, client) for policy in policies]))
