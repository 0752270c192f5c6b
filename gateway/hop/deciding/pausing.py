"""Decides how long a request waits before it is repeated."""

import random
import re
from email.utils import parsedate_to_datetime

#: The longest pause before the first repeat; it doubles with each one, up to the longest of all.
FIRST_S = 0.025
LONGEST_S = 0.25
#: A Retry-After that is longer is not waited for if the request has no deadline.
MOST_ASKED_S = 10.0

_SECONDS = re.compile(rb"[0-9]+")
#: Longer numbers are not read: whatever they are, it is too long.
_MOST_DIGITS = 9


def pause_s(repeat: int, *, elsewhere: bool, rng: random.Random) -> float:
    """The pause before the repeat of this number, counted from 1; it is drawn anew each time.

    `elsewhere`: it goes to an instance that has not had the request. The first repeat does so at once: a
    pause would only make the answer later, since nothing says that the other instance has too much to do.
    """
    if elsewhere and repeat == 1:
        return 0.0
    longest_s = min(LONGEST_S, FIRST_S * 2.0 ** min(repeat - 1, 16))
    return rng.random() * longest_s


def asked_pause_s(value: bytes, unix_s: float) -> float:
    """The pause that a Retry-After asks for (RFC 9110 §10.2.3); 0 if it is not valid or is over.

    `unix_s` is the time now, which a date is compared with.
    """
    if _SECONDS.fullmatch(value):
        return float(value) if len(value) <= _MOST_DIGITS else float("inf")
    try:
        until_s = parsedate_to_datetime(value.decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, until_s - unix_s)
