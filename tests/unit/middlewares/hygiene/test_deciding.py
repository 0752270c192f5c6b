"""The rules for requests: one row for each way in which two readers might differ."""

import pytest

from middlewares.failures import BadRequest, ExpectationFailed
from middlewares.hygiene.deciding import check_request, expects_continue

HOST = (b"Host", b"shop.example")
HTTP_1_1 = (1, 1)
HTTP_1_0 = (1, 0)


@pytest.mark.parametrize(
    "value",
    [
        b"shop.example",
        b"shop.example:8080",
        b"127.0.0.1:1",
        b"[::1]",
        b"[::1]:8080",
        b"a_b",
        b"h:",
        b"xn--bcher-kva.example",
        b"%41",
    ],
)
def test_a_valid_host_passes(value: bytes) -> None:
    check_request(HTTP_1_1, [(b"host", value)])


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"a b",
        b"user@h",
        b"h/x",
        b"h:x",
        b"h:123456",
        b"[::1",
        b"::1",
        b"h\x00",
        b"h\xff",
        b"h?x",
        b"h#x",
        b"%zz",
        b"h\\g",
    ],
)
def test_a_host_that_is_not_valid_is_refused(value: bytes) -> None:
    with pytest.raises(BadRequest, match="Host field is not valid"):
        check_request(HTTP_1_1, [(b"Host", value)])


def test_two_hosts_are_refused_even_when_they_are_the_same() -> None:
    with pytest.raises(BadRequest, match="more than one Host"):
        check_request(HTTP_1_1, [HOST, (b"host", b"shop.example")])


def test_a_request_of_http_1_1_needs_a_host() -> None:
    with pytest.raises(BadRequest, match="no Host"):
        check_request(HTTP_1_1, [])


def test_a_request_of_http_1_0_needs_none() -> None:
    check_request(HTTP_1_0, [])


@pytest.mark.parametrize("version", [(0, 9), (1, 2), (2, 0), (0, 0)])
def test_other_versions_of_http_are_refused(version: tuple[int, int]) -> None:
    with pytest.raises(BadRequest, match="version"):
        check_request(version, [HOST])


@pytest.mark.parametrize(
    "value", [b"gzip, chunked", b"chunked, chunked", b"identity", b"", b"xchunked"]
)
def test_chunked_is_the_only_transfer_coding(value: bytes) -> None:
    with pytest.raises(BadRequest, match="chunked"):
        check_request(HTTP_1_1, [HOST, (b"Transfer-Encoding", value)])


def test_two_transfer_codings_are_refused_even_when_both_are_chunked() -> None:
    coding = (b"transfer-encoding", b"chunked")
    with pytest.raises(BadRequest, match="chunked"):
        check_request(HTTP_1_1, [HOST, coding, coding])


def test_chunked_passes_over_http_1_1_alone() -> None:
    fields = [HOST, (b"Transfer-Encoding", b" Chunked ")]
    check_request(HTTP_1_1, fields)
    with pytest.raises(BadRequest, match=r"HTTP/1\.0"):
        check_request(HTTP_1_0, fields)


@pytest.mark.parametrize("name", [b"Connection", b"Via", b"Upgrade", b"X-Forwarded-For"])
def test_lists_that_are_taken_apart_have_so_many_elements_and_no_more(name: bytes) -> None:
    check_request(HTTP_1_1, [HOST, (name, b"a," * 255)])
    check_request(HTTP_1_1, [HOST, (b"Cookie", b"a," * 1000)])
    with pytest.raises(BadRequest, match="elements"):
        check_request(HTTP_1_1, [HOST, (name, b"a," * 256)])
    with pytest.raises(BadRequest, match="elements"):
        check_request(HTTP_1_1, [HOST, *[(name.lower(), b"a,")] * 129])


def test_only_the_expectation_of_100_continue_can_be_met() -> None:
    check_request(HTTP_1_1, [HOST, (b"Expect", b"100-Continue")])
    with pytest.raises(ExpectationFailed):
        check_request(HTTP_1_1, [HOST, (b"Expect", b"miracles")])


def test_a_client_of_http_1_0_expects_nothing() -> None:
    fields = [(b"Expect", b"100-continue")]
    assert expects_continue(HTTP_1_1, fields)
    assert not expects_continue(HTTP_1_0, fields)
    assert not expects_continue(HTTP_1_1, [HOST])
