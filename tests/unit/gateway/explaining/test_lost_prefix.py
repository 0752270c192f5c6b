"""Which 404 is due to a link that lacks the prefix of the service on whose page it stands."""

import pytest

from gateway.explaining.lost_prefix import lost_prefix

HERE = "localhost:8080"


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/", "/api/items", "/api/shopping", "/static/a.css?v=1"]
)
@pytest.mark.parametrize("page", ["/api/shop/docs", "/api/shop/", "/api/shop", "/api/shop?page=2"])
def test_a_link_without_the_prefix_of_its_page_has_lost_it(page: str, path: str) -> None:
    assert lost_prefix(f"http://{HERE}{page}", HERE, path) == "/api/shop"


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
    assert lost_prefix(referer, HERE, path) is None
