"""The hop over sockets on both sides: what the client sent, what the upstream saw, what came back."""

from tests.conftest import StartGateway, StartUpstream
from tests.support.raw_clients import exchange


async def test_path_and_query_pass_byte_for_byte(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    target = b"/a%2Fb//c;v=1/%c3%a9?x=1%2F2&x=%20&y=a+b"
    answer = await exchange(gateway.port, b"GET /api/orders%b HTTP/1.1\r\nHost: h\r\n\r\n" % target)

    assert (answer.status, answer.body) == (200, b"ok")
    assert upstream.requests[0].target == target
