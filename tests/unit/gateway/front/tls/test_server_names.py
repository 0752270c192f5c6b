"""A server name means an exact name before a wildcard, and the first certificate where nothing fits."""

import pytest

from gateway.front.tls.server_names import ByServerName

BY_NAME = ByServerName(
    [
        (["first.example"], "first"),
        (["*.shop.example", "shop.example"], "shops"),
        (["a.shop.example"], "a"),
        (["A.Shop.example"], "too late"),
    ]
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("first.example", "first"),
        ("FIRST.example.", "first"),
        ("shop.example", "shops"),
        ("b.shop.example", "shops"),
        ("a.shop.example", "a"),
        ("c.b.shop.example", "first"),
        ("other.example", "first"),
        ("", "first"),
        (None, "first"),
    ],
)
def test_name_means_a_certificate(name: str | None, found: str) -> None:
    assert BY_NAME.get(name) == found


def test_without_certificates_no_name_means_one() -> None:
    assert ByServerName(()).get("a.example") is None
