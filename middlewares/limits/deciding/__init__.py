"""What limits decide, as pure functions and values; these names are what other layers use."""

from middlewares.limits.deciding.asking import Ask, Asking, Check, ask_for, ask_of, key_of
from middlewares.limits.deciding.decisions import (
    ROOM,
    STILL_USED_UP,
    USED_UP,
    Decision,
    Why,
    beside,
)
from middlewares.limits.deciding.held import Held, Settled
from middlewares.limits.deciding.policies import (
    DEFAULT_POLICY,
    EXACT_UP_TO,
    LIMIT_FIELDS,
    By,
    Kind,
    Policy,
)
from middlewares.limits.deciding.route_limits import (
    NO_LIMITS,
    RouteLimits,
    at_the_door,
    behind_the_door,
)

__all__ = [
    "DEFAULT_POLICY",
    "EXACT_UP_TO",
    "LIMIT_FIELDS",
    "NO_LIMITS",
    "ROOM",
    "STILL_USED_UP",
    "USED_UP",
    "Ask",
    "Asking",
    "By",
    "Check",
    "Decision",
    "Held",
    "Kind",
    "Policy",
    "RouteLimits",
    "Settled",
    "Why",
    "ask_for",
    "ask_of",
    "at_the_door",
    "behind_the_door",
    "beside",
    "key_of",
]
