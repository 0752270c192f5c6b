"""Which 404 a path without its service's prefix gets."""

import pytest

from middlewares.routing.deciding import Differs, Nearest
from tests.support.asked import TABLE, Request, from_a_page

HERE = "localhost:8080"


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/", "/api/items", "/api/shopping", "/static/a.css?v=1"]
)
@pytest.mark.parametrize("page", ["/api/shop/docs", "/api/shop/", "/api/shop", "/api/shop?page=2"])
def test_a_link_without_the_prefix_of_its_page_has_lost_it(page: str, path: str) -> None:
    nearest = TABLE.nearest(from_a_page(path, referer=f"http://{HERE}{page}", host=HERE), None)
    assert nearest == Nearest("/api/shop", Differs.PAGE_BELOW_PREFIX)


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        ("", "/openapi.json"),
        (f"http://{HERE}/services", "/openapi.json"),
        (f"http://{HERE}/api/<b>/", "/openapi.json"),
        (f"http://{HERE}/api/", "/openapi.json"),
        (f"http://{HERE}/apis/shop/", "/openapi.json"),
        ("http://other.example/api/shop/", "/openapi.json"),
        (f"http://{HERE}/api/{'x' * 60_000}/", "/openapi.json"),  # no service has such a name
        ("http://[", "/openapi.json"),
        (f"http://{HERE}/api/shop/docs", "/api/shop"),
        (f"http://{HERE}/api/shop/docs", "/api/shop/items"),
    ],
)
def test_every_other_404_says_what_it_said(referer: str, path: str) -> None:
    assert TABLE.nearest(from_a_page(path, referer=referer, host=HERE), None) is None


class Shop:
    """A catalogue that knows every service, though none is registered any more."""

    def __init__(self, *services: str) -> None:
        self._services = services

    def is_in_force(self, service: str) -> bool:
        return False

    def is_known(self, service: str) -> bool:
        return service in self._services


@pytest.mark.parametrize("path", ["/shop", "/shop/", "/shop/items/1"])
@pytest.mark.parametrize("service", ["shop", "shop_service"])
def test_a_path_that_begins_with_the_name_of_a_service_lacks_its_prefix(
    path: str, service: str
) -> None:
    nearest = TABLE.nearest(Request(path), Shop(service))
    assert nearest == Nearest("/api/shop", Differs.PATH_NAMES_SERVICE)


@pytest.mark.parametrize("path", ["/", "*", "/shops/", "//shop/", "/<b>/", "/api", "/api/shop/"])
def test_other_paths_lack_none(path: str) -> None:
    assert TABLE.nearest(Request(path), Shop("shop", "api")) is None
