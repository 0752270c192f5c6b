"""Redis clients for a REDIS_URL: their time-outs, and what their errors mean."""

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import AuthenticationError, MovedError, NoPermissionError, ResponseError
from redis.retry import Retry

from ..model.errors import RegistryDenies, RegistryRefuses, RegistryUnavailable
from ..model.registry_url import parse_server_group
from ..model.settings import without_password
from . import async_pools, sync_pools

#: A longer call counts as "registry away"; the callers keep a last known answer.
CALL_TIMEOUT_S = 0.25
CONNECT_TIMEOUT_S = 0.25

#: Made once, since each connection would read it from the disk.
_DRIVER = DriverInfo()

#: One more try at once: a pooled connection may be dead although the server is back already.
_TRIES_AGAIN = 1


def connect(url: str) -> "redis.Redis":
    """A thread-safe client; it connects when first used."""
    options: dict[str, Any] = {
        "socket_timeout": CALL_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "driver_info": _DRIVER,
        "retry": Retry(NoBackoff(), _TRIES_AGAIN),
    }
    group = parse_server_group(url)
    if group is None:
        return redis.Redis.from_url(url, **options)
    asking = {**options, "retry": Retry(NoBackoff(), 0)}
    return redis.Redis.from_pool(sync_pools.pool(group, options, asking))


def abandon(client: "redis.Redis") -> None:
    """In a forked child, drop the parent's client without a word to the server.

    The client's own `close` waits for locks, which threads of the parent may have held at the fork.
    """
    for one in (client, *sync_pools.asked_by(client.connection_pool)):
        one.auto_close_connection_pool = False


def connect_async(url: str, *, blocking: bool = False) -> "redis.asyncio.Redis":
    """A client for asyncio; `blocking` is for a connection that waits on the stream of events."""
    client = redis.asyncio.Redis(
        connection_pool=async_pool(url, blocking=blocking), single_connection_client=blocking
    )
    client.auto_close_connection_pool = True
    return client


def async_pool(url: str, *, blocking: bool = False) -> "redis.asyncio.ConnectionPool":
    """The connections of such a client."""
    options: dict[str, Any] = {
        "socket_timeout": None if blocking else CALL_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "driver_info": _DRIVER,
        "retry": AsyncRetry(NoBackoff(), 0 if blocking else _TRIES_AGAIN),
    }
    group = parse_server_group(url)
    if group is None:
        return redis.asyncio.ConnectionPool.from_url(url, **options)
    asking = {
        **options,
        "socket_timeout": CALL_TIMEOUT_S,
        "retry": AsyncRetry(NoBackoff(), 0),
    }
    return async_pools.pool(group, options, asking)


def unavailable(url: str, error: Exception) -> RegistryUnavailable:
    """Turn a client's error into one of discovery's; the message hides the password of `url`."""
    server = f"the registry at {without_password(url)}"
    if isinstance(error, MovedError):
        return RegistryUnavailable(
            f"{server} is one node of a cluster, and another has the data: "
            f"use redis+cluster://host:port,host:port ({error})"
        )
    if isinstance(error, AuthenticationError | NoPermissionError):
        return RegistryDenies(f"{server} refuses the user or password of REDIS_URL: {error}")
    if isinstance(error, ResponseError):
        return RegistryRefuses(f"{server} refuses: {error}")
    return RegistryUnavailable(
        f"{server} does not answer: {str(error).rstrip('.') or 'it takes too long'}",
        "is it running, and is REDIS_URL right?",
    )
