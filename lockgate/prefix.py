"""Tells an application its path prefix at the gateway, so that its links and redirects work there.

The gateway removes `/api/shop` from a request's path and sends it in `X-Forwarded-Prefix`; a client's
own field never gets past it. A request that comes to the service directly has no such field, so its
links have no prefix. The field is believed if it is a path on the same host.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_ASGIApp = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
_WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Headers(Protocol):
    """What frameworks' headers have in common; Werkzeug's are no Mapping."""

    def get(self, name: str, default: str, /) -> Any: ...


#: `//host` would be another host, and `/..` another service.
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


def forwarded_prefix(headers: _Headers) -> str:
    """`/api/shop` for a request that came through the gateway, else the empty string.

    For frameworks without a notion of prefixes. `headers` must find names in any case, as a
    framework's `request.headers` does.
    """
    return _checked(headers.get("X-Forwarded-Prefix", ""))


class ASGIPrefixMiddleware:
    """Puts the gateway's prefix into `root_path`, and in front of `path`, of an ASGI application.

    FastAPI and Starlette use it as `app.add_middleware(ASGIPrefixMiddleware)`, Django in asgi.py as
    `application = ASGIPrefixMiddleware(get_asgi_application())`.

    Requests whose `root_path` has the prefix already (`uvicorn --root-path /api/shop`) stay unchanged.
    """

    def __init__(self, app: _ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = _with_root_path(scope)
        await self.app(scope, receive, send)


class WSGIPrefixMiddleware:
    """Puts the gateway's prefix into `SCRIPT_NAME` of a WSGI application.

    Flask uses it as `app.wsgi_app = WSGIPrefixMiddleware(app.wsgi_app)`, Django in wsgi.py as
    `application = WSGIPrefixMiddleware(get_wsgi_application())`.

    Requests whose `SCRIPT_NAME` has the prefix already stay unchanged.
    """

    def __init__(self, app: _WSGIApp) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        prefix = _checked(environ.get("HTTP_X_FORWARDED_PREFIX", ""))
        script_name = environ.get("SCRIPT_NAME", "")
        if not _begins_with(script_name, prefix):
            environ["SCRIPT_NAME"] = prefix + script_name
        return self.app(environ, start_response)


def _with_root_path(scope: _Scope) -> _Scope:
    """Add the prefix to the scope; in ASGI, unlike WSGI, both paths begin with `root_path`."""
    fields = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
    prefix = _checked(b",".join(fields).decode("latin-1"))
    root_path = scope.get("root_path", "")
    if _begins_with(root_path, prefix):
        return scope
    changed = {**scope, "root_path": prefix + root_path, "path": prefix + scope["path"]}
    if scope.get("raw_path") is not None:
        changed["raw_path"] = prefix.encode("ascii") + scope["raw_path"]
    return changed


def _checked(value: str) -> str:
    return value if _PATH.fullmatch(value) else ""


def _begins_with(path: str, prefix: str) -> bool:
    return f"{path}/".startswith(f"{prefix}/") or not prefix
