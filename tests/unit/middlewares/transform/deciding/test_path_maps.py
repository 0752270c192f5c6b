"""The way back from a service's path to that of its clients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.routing.rewriting import Rewrite, Strip, ToPath, ToPrefix
from middlewares.transform.deciding.path_maps import PrefixMap, path_map


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        ("/", "/api/shop/"),
        ("/x/y", "/api/shop/x/y"),
        ("/api/shop/x", "/api/shop/x"),
        ("/api/shop", "/api/shop"),
        ("/api/shopping", "/api/shop/api/shopping"),
    ],
)
def test_a_hidden_prefix_is_put_in_front_once(path: str, outside: str) -> None:
    found = path_map("/api/shop", None, None, None)
    assert found is not None
    assert found.outside(path) == outside
    assert path_map("/api/shop", Strip("/api/shop"), None, "/api") == found


@pytest.mark.parametrize(
    ("path", "outside"),
    [("/new", "/old"), ("/new/x", "/old/x"), ("/old/x", "/old/x"), ("/news", None), ("/", None)],
)
def test_a_replaced_prefix_is_replaced_again(path: str, outside: str | None) -> None:
    found = path_map("/old", ToPrefix("/new"), None, "/old")
    assert found is not None
    assert found.outside(path) == outside


@pytest.mark.parametrize(
    ("rewrite", "path", "prefix", "inner", "outside"),
    [
        ("/v2/{rest}", None, "/shop", "/v2/a/b", "/shop/a/b"),
        ("/v2/{rest}", None, "/", "/v2/a", "/a"),
        ("/v2/{rest}", None, "/shop", "/a", None),
        ("/fixed", None, "/shop", "/fixed", "/shop"),
        ("/v2/orders/{id}", "/orders/{id}", None, "/v2/orders/7", "/orders/7"),
        ("/v2/orders/{id}", "/orders/{id}", None, "/v2/orders/a%2fb%20/", "/orders/a%2Fb%20/"),
        ("/v2/orders/{id}", "/orders/{id}", None, "/v2/orders", None),
        ("/v2/orders/{id}", "/orders/{id}", None, "/v2/orders//", None),
        ("/v2/orders/{id}", "/orders/{id}", None, "/v1/orders/7", None),
        ("/{b}/{a}", "/x/{a}/{b}", None, "/1/2", "/x/2/1"),
        ("/v2/{a}", "/x/{a}/{b}", None, "/v2/1", None),
        ("/{a}/{a}", "/x/{a}", None, "/1/1", "/x/1"),
        ("/{a}/{a}", "/x/{a}", None, "/1/2", None),
    ],
)
def test_a_template_is_read_backwards(
    rewrite: str, path: str | None, prefix: str | None, inner: str, outside: str | None
) -> None:
    found = path_map("", ToPath(rewrite), path, prefix)
    assert found is not None
    assert found.outside(inner) == outside


@pytest.mark.parametrize(
    ("hidden", "rewrite", "prefix", "inner", "outside"),
    [
        ("/api/shop", None, None, "/x", "/api/shop/v2/x"),
        ("/api/shop", None, None, "/api/shop/v2/x", "/api/shop/v2/x"),
        ("", None, "/prices", "/prices/x", "/prices/v2/x"),
        ("", None, "/prices", "/prices/v2/x", "/prices/v2/x"),
        ("", None, "/prices", "/login", None),
        ("", None, None, "/x", "/v2/x"),
        ("/a", Strip("/a"), "/a/b", "/b/x", "/a/b/v2/x"),
        ("/old", ToPrefix("/new"), "/old", "/new/x", "/old/v2/x"),
        ("", ToPath("/in/{rest}"), "/out", "/in/x", "/out/v2/x"),
    ],
)
def test_a_version_in_the_path_comes_back_too(
    hidden: str, rewrite: Rewrite | None, prefix: str | None, inner: str, outside: str | None
) -> None:
    found = path_map(hidden, rewrite, None, prefix, "v2")
    assert found is not None
    assert found.outside(inner) == outside


def test_a_route_that_changes_no_path_has_no_map() -> None:
    assert path_map("", None, None, "/shop") is None


@pytest.mark.parametrize(
    ("inner", "path", "scope"),
    [
        ("", "/", "/api/shop"),
        ("", "/x", "/api/shop/x"),
        ("", "/x/", "/api/shop/x/"),
        ("", "/api/shop/", "/api/shop/"),
        ("/v2", "/v2/", "/api/shop"),
        ("/v2", "/v2/x", "/api/shop/x"),
        ("/v2", "/", "/api/shop"),
        ("/v2/a", "/v2", "/api/shop"),
        ("/v2", "/other", None),
    ],
)
def test_a_cookie_holds_for_what_clients_have_of_its_path(
    inner: str, path: str, scope: str | None
) -> None:
    assert PrefixMap(inner, "/api/shop").scope(path) == scope


def test_a_cookie_for_all_holds_for_all() -> None:
    assert PrefixMap("/v2", "").scope("/v2") == "/"
    assert PrefixMap("/v2", "").scope("/") == "/"


_SEGMENT = st.text(st.sampled_from("ab.%2"), min_size=1, max_size=3)


@given(rest=st.lists(_SEGMENT, max_size=3).map("/".join))
def test_every_path_below_the_prefix_comes_back(rest: str) -> None:
    assert PrefixMap("/in", "/out").outside(f"/in/{rest}") == f"/out/{rest}"
