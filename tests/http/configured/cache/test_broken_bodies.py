"""Instances whose bodies break off, on routes with a cache."""

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually

FILE = """
    services:
      order_service:
        outliers: {failures: 0, latency: 0, eject: 1m}
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, cache: {}}
"""


@pytest.mark.parametrize("cached", ["max-age=60", "private"])
async def test_an_instance_whose_body_breaks_off_is_put_out(
    start_configured: StartConfigured, start_upstream: StartUpstream, cached: str
) -> None:
    """Whether the answer could be kept or not."""
    broken = f"HTTP/1.1 200 OK\r\nCache-Control: {cached}\r\nContent-Length: 9\r\n\r\nhalf"
    configured = await start_configured(FILE, broken.encode())
    other = await start_upstream(broken.encode())
    gateway = configured.gateway
    await gateway.register("order_service", other.port, "i2", health_check_url="/health")

    async def is_out() -> bool:
        assert not (await configured.ask("/one")).complete
        service = (await gateway.admin("GET", "/services/order_service")).json()
        return any("ejected" in one for one in service["instances"])

    await eventually(is_out)
