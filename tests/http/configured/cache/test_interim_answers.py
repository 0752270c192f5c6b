"""Interim answers on a route with a cache."""

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawClient

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {}
"""
ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


@pytest.mark.parametrize(("interim", "status"), [(HINTS, b"103"), (PROCESSING, b"102")])
async def test_whose_request_it_was_gets_the_interim_answers_too(
    start_configured: StartConfigured, interim: bytes, status: bytes
) -> None:
    configured = await start_configured(FILE, interim + ANSWER)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.split(b" ")[1] == status
        assert (await client.answer()).body == b"ok"
    again = await configured.ask("/")
    assert again.status == 200
    assert len(configured.upstream.requests) == 1
