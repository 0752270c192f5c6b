"""Redis clients for a REDIS_URL, with the time-outs that discovery needs, and what their errors mean."""

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

#: A call that takes longer counts as "registry away"; callers have a last known answer.
CALL_TIMEOUT_S = 0.25
CONNECT_TIMEOUT_S = 0.25

#: Made once: each connection would read it from the disk.
_DRIVER = DriverInfo()

#: One more try at once: a pooled connection may have died with a server that is back already.
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
    """In a forked child: let its parent's client go without a word to the server.

    Its own way to close waits for locks, which threads that are not in the child may hold.
    """
    for one in (client, *sync_pools.asked_by(client.connection_pool)):
        one.auto_close_connection_pool = False


def connect_async(url: str, *, blocking: bool = False) -> "redis.asyncio.Redis":
    """The same for asyncio; `blocking` is for a connection that waits on the stream of events."""
    options: dict[str, Any] = {
        "socket_timeout": None if blocking else CALL_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "driver_info": _DRIVER,
        "retry": AsyncRetry(NoBackoff(), 0 if blocking else _TRIES_AGAIN),
    }
    group = parse_server_group(url)
    if group is None:
        return redis.asyncio.Redis.from_url(url, single_connection_client=blocking, **options)
    asking = {
        **options,
        "socket_timeout": CALL_TIMEOUT_S,
        "retry": AsyncRetry(NoBackoff(), 0),
    }
    client = redis.asyncio.Redis(
        connection_pool=async_pools.pool(group, options, asking),
        single_connection_client=blocking,
    )
    client.auto_close_connection_pool = True
    return client


def unavailable(url: str, error: Exception) -> RegistryUnavailable:
    """A client's error as one of discovery's; the password of `url` is not told."""
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
        f"{server} does not answer: {str(error).rstrip('.')}",
        "is it running, and is REDIS_URL right?",
    )
