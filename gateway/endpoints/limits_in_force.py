"""The limits in force, as `GET /status` shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from middlewares.limits.deciding import Policy


def limits_in_force(
    policies: Iterable[Policy], reserved: Mapping[str, int]
) -> list[Mapping[str, Any]]:
    """Each limit with its kind, whose requests it counts together, and what is held of it in this worker."""
    return [
        {
            "name": policy.name,
            "kind": policy.kind,
            "limit": policy.limit,
            **({"window_s": policy.window_us / 1_000_000} if policy.window_us else {}),
            "by": policy.key_in_words,
            "shadow": policy.shadow,
            "reserved": reserved.get(policy.name, 0),
        }
        for policy in policies
    ]
