"""The prefix that the gateway has removed: where it is put, and which claims of one are believed."""

import asyncio
from typing import Any

import pytest

import lockgate
from lockgate import ASGIPrefixMiddleware, WSGIPrefixMiddleware, forwarded_prefix

FIELD = b"x-forwarded-prefix"
NO_PATHS = [
    *(
        "//evil.example",
        "/\\evil.example",
        "/api//shop",
        "/..",
        "/api/../x",
        "/%2e%2e/x",
        "/%2fevil.example",
    ),
    *(
        "shop",
        "/",
        "/api/shop/",
        "/a b",
        "/a, /b",
        "/ä",
        "/api/shop\n",
        "/api/shop\r\nX: y",
        "/api/shop?x=#y",
    ),
    "/a" * 10_000 + "/",
]


def passed_on(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope that the application gets."""
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def never(*_: Any) -> Any:
        raise AssertionError

    asyncio.run(ASGIPrefixMiddleware(app)(scope, never, never))
    return seen[0]


def http(*prefixes: bytes, **more: Any) -> dict[str, Any]:
    fields = [(b"host", b"localhost"), *((FIELD, prefix) for prefix in prefixes)]
    return {"type": "http", "path": "/items", "raw_path": b"/items", "headers": fields, **more}


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_an_asgi_path_begins_with_its_root_path(kind: str) -> None:
    scope = http(b"/api/shop", type=kind, path="/ä", raw_path=b"/%C3%A4")

    passed = passed_on(scope)

    assert passed["root_path"] == "/api/shop"
    assert passed["path"] == "/api/shop/ä"
    assert passed["raw_path"] == b"/api/shop/%C3%A4"
    assert scope["path"] == "/ä"  # the caller's scope is unchanged


def test_a_server_that_has_no_raw_path_gets_none() -> None:
    assert passed_on(http(b"/api/shop", raw_path=None))["raw_path"] is None


@pytest.mark.parametrize("scope", [http(), {"type": "lifespan", "state": {}}])
def test_a_direct_request_and_the_lifespan_pass_as_they_are(scope: dict[str, Any]) -> None:
    assert passed_on(scope) is scope


@pytest.mark.parametrize("root_path", ["/api/shop", "/api/shop/v1"])
def test_what_a_server_was_told_already_is_not_said_twice(root_path: str) -> None:
    scope = http(b"/api/shop", root_path=root_path, path=f"{root_path}/items")
    assert passed_on(scope) is scope


def test_the_gateways_prefix_stands_before_that_of_a_mount() -> None:
    passed = passed_on(http(b"/api/shop", root_path="/api/shopping", path="/api/shopping/items"))
    assert passed["root_path"] == "/api/shop/api/shopping"
    assert passed["path"] == "/api/shop/api/shopping/items"


def test_a_middleware_around_another_says_it_once() -> None:
    """A framework's settings and its server may both have it."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["root_path"], scope["path"]))

    asyncio.run(ASGIPrefixMiddleware(ASGIPrefixMiddleware(app))(http(b"/api/shop"), None, None))  # type: ignore[arg-type]
    environ = {"SCRIPT_NAME": "", "HTTP_X_FORWARDED_PREFIX": "/api/shop"}
    list(WSGIPrefixMiddleware(WSGIPrefixMiddleware(lambda *_: []))(environ, None))

    assert seen == [("/api/shop", "/api/shop/items")]
    assert environ["SCRIPT_NAME"] == "/api/shop"


def test_the_answer_of_a_wsgi_application_is_handed_on_as_it_is() -> None:
    """The server reads the answer piece by piece and closes it."""
    pieces = (piece for piece in (b"a", b"b"))
    assert WSGIPrefixMiddleware(lambda *_: pieces)({}, None) is pieces


@pytest.mark.parametrize("claim", NO_PATHS)
def test_what_is_no_path_on_this_host_is_not_believed(claim: str) -> None:
    """Otherwise the links of an answer could lead to another host or service."""
    scope = http(claim.encode())
    assert passed_on(scope) is scope
    assert forwarded_prefix({"X-Forwarded-Prefix": claim}) == ""
    assert script_name(HTTP_X_FORWARDED_PREFIX=claim) == ""


def test_two_claims_are_none() -> None:
    scope = http(b"/api/shop", b"/api/other")
    assert passed_on(scope) is scope


def script_name(**environ: Any) -> str:
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        seen.append(environ)
        return [b"answer"]

    environ = {"PATH_INFO": "/items", "SCRIPT_NAME": "", **environ}
    assert WSGIPrefixMiddleware(app)(environ, None) == [b"answer"]
    assert seen[0]["PATH_INFO"] == "/items"
    return str(seen[0]["SCRIPT_NAME"])


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "/api/shop"), ("/v1", "/api/shop/v1"), ("/api/shop", "/api/shop")],
)
def test_a_wsgi_script_name_begins_with_the_prefix(before: str, after: str) -> None:
    assert script_name(SCRIPT_NAME=before, HTTP_X_FORWARDED_PREFIX="/api/shop") == after


def test_a_direct_request_has_no_script_name() -> None:
    assert script_name() == ""


def test_frameworks_without_a_prefix_are_told_it() -> None:
    assert forwarded_prefix({"X-Forwarded-Prefix": "/api/shop"}) == "/api/shop"
    assert forwarded_prefix({}) == ""


def test_every_public_name_is_there() -> None:
    for name in lockgate.__all__:
        assert getattr(lockgate, name).__name__ == name
