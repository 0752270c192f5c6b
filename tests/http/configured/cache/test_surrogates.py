"""What a service is told of the cache that its Surrogate-Control reaches."""

import pytest

from tests.http.configured.conftest import StartConfigured

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {targeted: [%s]}
"""
DIRECTED = (
    b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n"
    b"Surrogate-Control: max-age=60;%b\r\n\r\nok"
)


@pytest.mark.parametrize(("targeted", "is_told"), [("Surrogate-Control", True), ("", False)])
async def test_a_service_is_told_the_name_to_direct_surrogate_control_at(
    start_configured: StartConfigured, targeted: str, is_told: bool
) -> None:
    configured = await start_configured(FILE % targeted, DIRECTED % b"lockgate")
    await configured.ask("/")
    told = configured.upstream.requests[0].values(b"surrogate-capability")
    assert told == ([b'lockgate="Surrogate/1.0"'] if is_told else [])


@pytest.mark.parametrize(("name", "requests"), [(b"lockgate", 1), (b"another", 2)])
async def test_an_answer_is_kept_by_what_is_directed_at_the_gateway_alone(
    start_configured: StartConfigured, name: bytes, requests: int
) -> None:
    configured = await start_configured(FILE % "Surrogate-Control", DIRECTED % name)
    await configured.ask("/")
    await configured.ask("/")
    assert len(configured.upstream.requests) == requests
