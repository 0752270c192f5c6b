"""The admin token: the one place that decides who may change the registry or see more than others."""

import hmac

from aiohttp import web

from middlewares.failures import Forbidden, Unauthorized

_SCHEME = "bearer"
_WANTED = (
    "a valid admin token is needed: Authorization: Bearer TOKEN, with what the gateway's ADMIN_TOKEN says, "
    "or the file that its ADMIN_TOKEN_FILE names"
)


class AdminGuard:
    """Holds ADMIN_TOKEN; with None, changing calls are refused from everywhere."""

    def __init__(self, token: str | None) -> None:
        self._token = token.encode() if token else None

    def require(self, request: web.Request) -> None:
        """Let the call pass, or raise Forbidden (no token is set) or Unauthorized."""
        if self._token is None:
            raise Forbidden("changing calls are refused: no ADMIN_TOKEN is set")
        if not self.admits(request):
            raise Unauthorized(_WANTED)

    def admits(self, request: web.Request) -> bool:
        """Whether the request carries the token; compared in constant time."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if self._token is None or scheme.lower() != _SCHEME:
            return False
        given = token.strip().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._token)
