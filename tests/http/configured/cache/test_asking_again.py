"""Clients that want a validated answer, where answers are shared by all gateways too."""

import pytest

from tests.http.configured.conftest import StartConfigured

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stores: %s}
"""
ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("stores", ["memory", "redis"])
async def test_a_client_that_asks_again_at_once_is_not_given_what_was_there(
    start_configured: StartConfigured, stores: str
) -> None:
    """While the first answer was written to Redis, its flight took in whoever came."""
    configured = await start_configured(FILE % stores, ANSWER)
    for number in range(20):
        await configured.ask(f"/{number}")
        again = await configured.ask(f"/{number}", "Cache-Control: no-cache")
        assert b"collapsed" not in again.values(b"cache-status")[0]
    assert len(configured.upstream.requests) == 40
