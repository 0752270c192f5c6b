"""A successful unsafe request invalidates its URL, and those of the same origin that the answer names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.invalidating import SAFE, invalidated

URL = b"https://shop.test/a/b?q=1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "get", "FOO"])
@pytest.mark.parametrize("status", [200, 201, 204, 303, 399])
def test_an_unsafe_or_unknown_method_that_succeeds_invalidates_its_url(
    method: str, status: int
) -> None:
    assert invalidated(method, status, URL, ()) == (URL,)


@pytest.mark.parametrize("method", sorted(SAFE))
def test_a_safe_method_invalidates_nothing(method: str) -> None:
    assert invalidated(method, 200, URL, [(b"Location", b"/x")]) == ()


@pytest.mark.parametrize("status", [101, 400, 404, 412, 500, 503, 999])
def test_a_failure_invalidates_nothing(status: int) -> None:
    assert invalidated("POST", status, URL, [(b"Location", b"/x")]) == ()


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        (b"/x", b"https://shop.test/x"),
        (b"x", b"https://shop.test/a/x"),
        (b"../x?y=2", b"https://shop.test/x?y=2"),
        (b"?q=2", b"https://shop.test/a/b?q=2"),
        (b"https://shop.test/x#part", b"https://shop.test/x"),
        (b"HTTPS://SHOP.test:443/x", b"https://shop.test/x"),
        (b"//shop.test/x", b"https://shop.test/x"),
        (b"https://shop.test", b"https://shop.test/"),
        (b" /x ", b"https://shop.test/x"),
        (b"/\xfc", b"https://shop.test/\xfc"),
    ],
)
@pytest.mark.parametrize("name", [b"Location", b"content-location"])
def test_a_url_of_the_same_origin_is_invalidated_too(
    name: bytes, reference: bytes, named: bytes
) -> None:
    assert invalidated("POST", 201, URL, [(name, reference)]) == (URL, named)


@pytest.mark.parametrize(
    "reference",
    [
        b"https://other.test/x",
        b"http://shop.test/x",
        b"https://shop.test:8443/x",
        b"//other.test/x",
        b"https://shop.test.other.test/x",
        b"https://shop.test@other.test/x",
        b"https://[::1/x",
        b"https://shop.test:99999999/x",
        b"https://shop.test:port/x",
        b"javascript:alert(1)",
        b"",
        b"/a/b?q=1",
    ],
)
def test_a_url_of_another_origin_or_no_url_is_left_alone(reference: bytes) -> None:
    assert invalidated("POST", 201, URL, [(b"Location", reference)]) == (URL,)


def test_a_port_that_was_asked_for_stays_as_it_was_asked() -> None:
    url = b"http://shop.test:80/a"
    named = invalidated("PUT", 200, url, [(b"Content-Location", b"http://shop.test/x")])
    assert named == (url, b"http://shop.test:80/x")


@given(st.binary(max_size=60))
def test_any_reference_has_an_answer_within_the_origin(reference: bytes) -> None:
    for named in invalidated("POST", 201, URL, [(b"Location", reference)]):
        assert named.startswith(b"https://shop.test/")


def test_members_of_a_query_that_are_in_no_key_are_in_no_url_either() -> None:
    url = b"http://shop.test/a?utm=1&q=%FC\xfc&utm"
    urls = invalidated("POST", 200, url, [(b"Location", b"/b?utm=2")], frozenset([b"utm"]))
    assert urls == (b"http://shop.test/a?q=%FC\xfc", b"http://shop.test/b")


def test_of_an_answer_that_names_thousands_of_urls_the_first_count() -> None:
    fields = [(b"Location", b"/%d" % number) for number in range(5000)]
    found = invalidated("POST", 201, b"http://shop.example/a", fields)
    assert found[:2] == (b"http://shop.example/a", b"http://shop.example/0")
    assert len(found) < 10
