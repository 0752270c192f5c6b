"""Which pages may read a route's answers: the table of decisions."""

import pytest

from middlewares.cors.deciding import CorsPolicy

SHOP = "https://shop.example"
BELOW = "https://*.shop.example"


@pytest.mark.parametrize(
    ("origins", "origin", "admitted_by"),
    [
        ((SHOP,), SHOP, SHOP),
        ((SHOP,), "http://shop.example", None),
        ((SHOP,), "https://shop.example:8443", None),
        ((SHOP,), "https://shop.example.evil.example", None),
        ((SHOP,), "https://a.shop.example", None),
        ((SHOP,), "null", None),
        ((SHOP,), "", None),
        (("*",), SHOP, "*"),
        (("*",), "null", "*"),
        (("*", SHOP), SHOP, SHOP),
        (("*", BELOW), "https://a.shop.example", BELOW),
        ((BELOW,), "https://a.shop.example", BELOW),
        ((BELOW,), "https://a.b.shop.example", BELOW),
        ((BELOW,), SHOP, None),
        ((BELOW,), "https://.shop.example", None),
        ((BELOW,), "https://a..shop.example", None),
        ((BELOW,), "https://ashop.example", None),
        ((BELOW,), "http://a.shop.example", None),
        ((BELOW,), "https://evil.example/.shop.example", None),
        ((BELOW,), "https://evil.example:1.shop.example", None),
        ((BELOW,), "https://user@a.shop.example", None),
        ((BELOW,), "https://[::1].shop.example", None),
        ((BELOW,), "https://a.shop.example:8443", None),
        (("https://*.shop.example:8443",), "https://a.shop.example:8443", "https://*.shop.example:8443"),
        ((BELOW,), "https://", None),
        ((BELOW,), "*.shop.example", None),
        ((), SHOP, None),
    ],
)  # fmt: skip
def test_an_origin(origins: tuple[str, ...], origin: str, admitted_by: str | None) -> None:
    assert CorsPolicy(origins).admitting(origin) == admitted_by


@pytest.mark.parametrize(
    ("methods", "method", "allowed"),
    [
        (("*",), "DELETE", True),
        (("GET", "PUT"), "PUT", True),
        (("GET", "PUT"), "put", False),
        (("GET", "PUT"), "DELETE", False),
        ((), "GET", False),
    ],
)
def test_a_method(methods: tuple[str, ...], method: str, allowed: bool) -> None:
    assert CorsPolicy((SHOP,), methods=methods).takes_method(method) is allowed
