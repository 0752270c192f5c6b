"""A request that no client's connection belongs to: the gateway sends it for all who wait for its answer."""

from typing import Any

from aiohttp import HttpVersion11, web


class DetachedRequest(web.Request):
    """What the layers behind the cache and the hop ask of a request; aiohttp's rest is not there.

    `body` is whole. Its peer is that of the client that asked first; `client` is that client's request while
    it waits, which gets interim answers.
    """

    ATTRS = web.Request.ATTRS | {"method", "raw_path", "remote", "scheme", "body", "client"}

    # aiohttp's are properties.
    method = ""
    raw_path = ""
    remote: str | None = None
    scheme = ""
    version = HttpVersion11
    keep_alive = True

    def __init__(self, client: web.Request, method: str, target: str, body: bytes) -> None:
        # The parent's __init__ needs a connection.
        self.client: web.Request | None = client
        self.method = method
        self.raw_path = target
        self.remote = client.remote
        self.scheme = client.scheme
        self.body = body
        self._state: dict[Any, Any] = {}
