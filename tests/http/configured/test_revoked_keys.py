"""Revocations over four gateways that share a registry: each one knows every revocation after a round."""

import pytest
import redis

from middlewares.auth.ways.api_keys import keyring as keyrings
from middlewares.auth.ways.api_keys.keyring import Keyring
from middlewares.auth.ways.api_keys.way import ApiKeys
from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_api_keys import FILE
from tests.support.api_keys import make_key, revoke, status_with
from tests.support.gateways import RunningGateway
from tests.support.keyrings import after_rounds

GATEWAYS = 4
REVOCATIONS = 100
AT_A_TIME = 20
#: A revocation is in the round that begins after it; one may be under way.
ROUNDS = 2


@pytest.fixture
async def gateways(
    start_configured: StartConfigured, start_gateway: StartGateway
) -> list[RunningGateway]:
    configured: Configured = await start_configured(FILE)
    others = [await start_gateway(GATEWAY_CONFIG=str(configured.file)) for _ in range(GATEWAYS - 1)]
    for gateway in others:
        await gateway.register(
            "order_service", configured.upstream.port, health_check_url="/health"
        )
    return [configured.gateway, *others]


def keyring_of(gateway: RunningGateway) -> Keyring:
    ways = gateway.gateway.ways
    assert ways is not None
    way = ways.live["keys"]
    assert isinstance(way, ApiKeys)
    return way.keyring


async def rounds_of_all(gateways: list[RunningGateway]) -> None:
    for gateway in gateways:
        await after_rounds(keyring_of(gateway), ROUNDS)


async def test_a_revocation_is_known_everywhere_after_two_rounds_100_of_100(
    gateways: list[RunningGateway],
) -> None:
    assert ROUNDS * keyrings.ASKED_EVERY_S < 1, "which is within a second"
    refused = 0
    for first in range(0, REVOCATIONS, AT_A_TIME):
        keys = [
            await make_key(gateways[number % GATEWAYS], f"key {number}")
            for number in range(first, first + AT_A_TIME)
        ]
        for key in keys:  # it is known at once wherever it is used
            assert [await status_with(one, key["key"]) for one in gateways] == [200] * GATEWAYS
        for number, key in enumerate(keys):
            by = gateways[number % GATEWAYS]
            assert (await revoke(by, key["id"])).status == 204
            assert await status_with(by, key["key"]) == 401, "before the answer to the revocation"
        await rounds_of_all(gateways)
        for key in keys:
            statuses = [await status_with(one, key["key"]) for one in gateways]
            refused += statuses == [401] * GATEWAYS
    assert refused == REVOCATIONS


async def test_a_revocation_holds_over_a_new_epoch_and_over_an_older_copy_of_the_registry(
    gateways: list[RunningGateway], registry_url: str
) -> None:
    first, *_ = gateways
    revoked, kept = await make_key(first, "revoked"), await make_key(first, "kept")
    with redis.Redis.from_url(registry_url) as client:
        names = list(client.scan_iter("*:keys:*"))
        copy = {name: client.dump(name) for name in names}
        await revoke(first, revoked["id"])
        await rounds_of_all(gateways)
        client.delete(*client.scan_iter("*:keys:*"))
        await rounds_of_all(gateways)
        for one in gateways:
            assert [await status_with(one, key["key"]) for key in (revoked, kept)] == [401, 401]
        client.delete(*client.scan_iter("*:keys:*"))
        for name, value in copy.items():
            client.restore(name, 0, value)
        await rounds_of_all(gateways)
        for one in gateways:
            assert [await status_with(one, key["key"]) for key in (revoked, kept)] == [401, 200]
        listed = (await first.admin("GET", "/keys")).json()["keys"]
        assert [one["name"] for one in listed] == ["kept"]
        await revoke(gateways[1], kept["id"])
        await rounds_of_all(gateways)
        assert [await status_with(one, kept["key"]) for one in gateways] == [401] * GATEWAYS


async def test_a_gateway_whose_connection_broke_off_knows_the_next_revocation_too(
    gateways: list[RunningGateway], registry_url: str
) -> None:
    first, *_ = gateways
    for number in range(2):
        key = await make_key(first, f"key {number}")
        with redis.Redis.from_url(registry_url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        assert (await revoke(first, key["id"])).status == 204
        await rounds_of_all(gateways)
        assert [await status_with(one, key["key"]) for one in gateways] == [401] * GATEWAYS
