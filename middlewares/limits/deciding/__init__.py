"""What limits decide, as pure functions and values; these names are what other layers use."""

from middlewares.limits.deciding.alone import LocalLimiter
from middlewares.limits.deciding.asking import Ask, Asking, Check, ask_for, ask_of, key_of
from middlewares.limits.deciding.counting import SlidingLog, decide
from middlewares.limits.deciding.decisions import (
    ROOM,
    STILL_USED_UP,
    USED_UP,
    Decision,
    Why,
    arguments,
    spread,
)
from middlewares.limits.deciding.policies import (
    DEFAULT_POLICY,
    EXACT_UP_TO,
    LIMIT_FIELDS,
    MOST_US,
    NO_LIMIT,
    By,
    Policy,
)

__all__ = [
    "DEFAULT_POLICY",
    "EXACT_UP_TO",
    "LIMIT_FIELDS",
    "MOST_US",
    "NO_LIMIT",
    "ROOM",
    "STILL_USED_UP",
    "USED_UP",
    "Ask",
    "Asking",
    "By",
    "Check",
    "Decision",
    "LocalLimiter",
    "Policy",
    "SlidingLog",
    "Why",
    "arguments",
    "ask_for",
    "ask_of",
    "decide",
    "key_of",
    "spread",
]
