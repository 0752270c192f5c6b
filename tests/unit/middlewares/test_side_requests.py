"""The record of a request that the gateway sends beside a client's own."""

import pytest

from middlewares.exchange import Exchange
from middlewares.failures import BadRequest
from middlewares.header_section import HeaderSection
from middlewares.side_requests import side_exchange

HOST = (b"Host", b"a.example")


def begun(*fields: tuple[bytes, bytes], authority: str | None = None) -> Exchange:
    section = HeaderSection([HOST, *fields])
    section.check((1, 1))
    return Exchange("an-id", 5.0, "192.0.2.7", section, authority, "/one?a=1", "/one")


def test_it_is_the_clients_in_all_but_its_target_and_its_time() -> None:
    made = side_exchange(begun(), "/two?b=2", [HOST], b"", started_s=7.0)
    assert (made.correlation_id, made.client_ip, made.started_s) == ("an-id", "192.0.2.7", 7.0)
    assert (made.target, made.path, made.query) == ("/two?b=2", "/two", "b=2")
    assert made.asked_host == b"a.example"
    assert made.attempts == []


def test_a_body_has_its_own_length_however_the_clients_was_framed() -> None:
    for framing in ((b"Transfer-Encoding", b"chunked"), (b"content-length", b"99")):
        fields = [HOST, framing, (b"Expect", b"100-continue"), (b"Upgrade", b"h2c")]
        made = side_exchange(begun(), "/", fields, b"four", started_s=0.0)
        assert made.section.fields == [HOST, (b"Content-Length", b"4")]
        assert made.section.body_length == 4
        assert made.body == b"four"


def test_an_empty_body_keeps_its_length_where_the_client_sent_one() -> None:
    assert side_exchange(begun(), "/", [HOST], b"", started_s=0.0).section.fields == [HOST]
    made = side_exchange(begun(), "/", [HOST, (b"Content-Length", b"0")], b"", started_s=0.0)
    assert made.section.fields == [HOST, (b"Content-Length", b"0")]


def test_the_authority_of_an_absolute_target_stays() -> None:
    made = side_exchange(begun(authority="b.example"), "/two", [HOST], b"", started_s=0.0)
    assert made.asked_host == b"b.example"


def test_a_client_of_http_1_0_may_name_no_host() -> None:
    assert side_exchange(begun(), "/", [], b"", started_s=0.0).asked_host == b""


def test_fields_that_must_not_be_passed_on_are_refused() -> None:
    with pytest.raises(BadRequest):
        side_exchange(begun(), "/", [HOST, HOST], b"", started_s=0.0)
