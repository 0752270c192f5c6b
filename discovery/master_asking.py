"""What both kinds of connection to Sentinel's master decide alike, and say alike when it fails."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

NO_ANSWER = (RedisConnectionError, RedisTimeoutError)


def unknown_master(name: str, silent: Sequence[str]) -> RedisConnectionError:
    """No sentinel named one; `silent` is what those had to say that did not answer."""
    why = f": {'; '.join(silent)}" if silent else ""
    return RedisConnectionError(f"no sentinel knows a master named {name!r}{why}")


def check_role(reply: Any) -> None:
    """The answer to ROLE: raises where it is not a master's."""
    if reply[0] not in (b"master", "master"):
        raise RedisConnectionError("the server is a replica; a failover is under way")


def no_longer_master() -> RedisConnectionError:
    """It refused a write: the next connection asks the sentinels anew."""
    return RedisConnectionError("the server is a master no more")
