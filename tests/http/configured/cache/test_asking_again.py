"""Clients that want a validated answer, where answers are shared by all gateways too."""

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawClient

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stores: %s}
"""
ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
#: The second one is read as soon as the first one is answered.
BOTH = (
    b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n"
    b"GET /%d HTTP/1.1\r\nHost: a.example\r\nCache-Control: no-cache\r\n\r\n"
)


@pytest.mark.parametrize("stores", ["memory", "redis"])
async def test_a_client_that_asks_again_at_once_is_not_given_what_was_there(
    start_configured: StartConfigured, stores: str
) -> None:
    """While the first answer was written to Redis, its flight took in whoever came."""
    configured = await start_configured(FILE % stores, ANSWER)
    client = await RawClient.connect(configured.gateway.port)
    said = []
    for number in range(10):
        await client.send(BOTH % (number, number))
        await client.answer()
        said += (await client.answer()).values(b"cache-status")
    client.writer.transport.abort()
    assert [one for one in said if b"fwd=request" not in one or b"collapsed" in one] == []
    assert len(configured.upstream.requests) == 20
