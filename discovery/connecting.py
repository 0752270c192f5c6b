"""Redis clients for a REDIS_URL, with the time-outs that discovery needs."""

from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

#: A call that takes longer counts as "registry away"; callers have a last known answer.
CALL_TIMEOUT_S = 0.25
CONNECT_TIMEOUT_S = 0.25

#: One more try at once: a pooled connection may have died with a server that is back already.
_TRIES_AGAIN = 1


def connect(url: str) -> "redis.Redis":
    """A thread-safe client; it connects when first used."""
    options: dict[str, Any] = {
        "socket_timeout": CALL_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": Retry(NoBackoff(), _TRIES_AGAIN),
    }
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        nodes, name, options = _sentinel(url, options)
        sentinel: Any = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            nodes, sentinel_kwargs=_sentinel_options(), **options
        )
        master: redis.Redis = sentinel.master_for(name)
        return master
    return redis.Redis.from_url(url, **options)


def connect_async(url: str, *, blocking: bool = False) -> "redis.asyncio.Redis":
    """The same for asyncio; `blocking` is for a connection that waits on the stream of events."""
    options: dict[str, Any] = {
        "socket_timeout": None if blocking else CALL_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": AsyncRetry(NoBackoff(), 0 if blocking else _TRIES_AGAIN),
        "single_connection_client": blocking,
    }
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        nodes, name, options = _sentinel(url, options)
        single = options.pop("single_connection_client")
        sentinel: Any = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            nodes, sentinel_kwargs=_sentinel_options(), **options
        )
        master: redis.asyncio.Redis = sentinel.master_for(name, single_connection_client=single)
        return master
    return redis.asyncio.Redis.from_url(url, **options)


def _sentinel(
    url: str, options: dict[str, Any]
) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """The sentinels, the name of the master, and the options with the URL's credentials."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    nodes = []
    for host_port in hosts.split(","):
        host, _, port = host_port.rpartition(":") if ":" in host_port else (host_port, "", "")
        nodes.append((host, int(port or 26379)))
    name, _, database = parts.path.strip("/").partition("/")
    more = {"db": int(database or 0), "username": username or None, "password": password or None}
    return nodes, name or "mymaster", options | more


def _sentinel_options() -> dict[str, Any]:
    return {"socket_timeout": CALL_TIMEOUT_S, "socket_connect_timeout": CONNECT_TIMEOUT_S}
