"""Keepers of one registry get, share and renew certificates of a real authority, half of whose nonces are bad."""

import asyncio
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from structlog.testing import capture_logs

from discovery.model.settings import RegistrySettings
from gateway.acme.certificates import term_of
from gateway.acme.deciding.backoff import Backoff
from gateway.acme.deciding.state import Certificate
from gateway.acme.keeper import Pace
from gateway.acme.spec import AccountBinding
from gateway.acme.store import Store, TurnLost
from tests.redis.acme.conftest import StartKeeper, StartPebble, spec_for
from tests.support.eventually import eventually
from tests.support.keepers import RunningKeeper
from tests.support.pebble import needs_pebble
from tests.support.registry_servers import RegistryServer

DOMAIN = "api.a.example"
#: A failure is followed by no other order within a test.
SLOW = Pace(look_s=0.05, lease_s=1.0, backoff=Backoff(first_s=3600.0))

pytestmark = needs_pebble


def kind_of(key: Any) -> str:
    return f"{'rsa' if isinstance(key, RSAPrivateKey) else 'ec'}{key.key_size}"


async def has_certificate(one: RunningKeeper, domain: str = DOMAIN) -> None:
    await eventually(lambda: one.served.get(domain), within_s=30)


async def test_two_keepers_share_one_certificate_of_one_order(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    first = await start_keeper("a", spec)
    # The authority asks this one, whichever of the two orders.
    second = await start_keeper("b", spec, ports=[pebble.http_port])
    await has_certificate(first)
    await has_certificate(second)
    assert first.served == second.served
    assert DOMAIN in term_of(first.served[DOMAIN]).names
    assert pebble.orders() == pebble.orders(finished=True) == 1


async def test_each_domain_has_a_certificate_of_its_own(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN, "shop.a.example")
    one = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(one)
    await has_certificate(one, "shop.a.example")
    names = [term_of(certificate).names for certificate in one.served.values()]
    assert names == [{DOMAIN}, {"shop.a.example"}]


@pytest.mark.parametrize("key_type", ["ec384", "rsa2048"])
async def test_the_key_is_of_the_kind_that_is_asked_for(
    start_pebble: StartPebble, start_keeper: StartKeeper, key_type: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN, key_type=key_type)
    one = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(one)
    served = one.served[DOMAIN]
    assert served is not None
    assert kind_of(load_pem_private_key(served.key.encode(), None)) == key_type


async def test_a_certificate_is_renewed_before_its_end_and_every_keeper_takes_it(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble(lifetime_s=15)  # a third of it is 5 s
    spec = spec_for(pebble, DOMAIN)
    first = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(first)
    second = await start_keeper("b", spec)
    await has_certificate(second)
    before = first.served[DOMAIN]
    ends_s = term_of(before).ends_s
    for one in (first, second):
        await eventually(lambda one=one: one.served[DOMAIN] != before, within_s=30)
        assert term_of(one.served[DOMAIN]).begins_s < ends_s
    assert first.served == second.served


async def test_a_certificate_that_has_time_left_is_not_renewed_after_a_restart(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    first = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(first)
    await first.kill()
    second = await start_keeper("b", spec)
    await has_certificate(second)
    assert second.served == first.served
    assert pebble.orders() == 1


async def test_after_a_failure_it_is_tried_again_until_it_succeeds(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    with capture_logs() as logs:
        one = await start_keeper("a", spec_for(pebble, DOMAIN, challenges=("http-01",)))
        await eventually(lambda: one.keeper.failures().get(DOMAIN, 0) >= 2, within_s=30)
        await one.listen([pebble.http_port])
        await has_certificate(one)
    failed = [entry for entry in logs if entry["event"] == "certificate.renewal_failed"]
    assert [entry["failures"] for entry in failed] == list(range(1, len(failed) + 1))
    assert failed[0]["log_level"] == "warning"
    assert failed[0]["domain"] == DOMAIN
    assert "connection" in failed[0]["detail"]
    await eventually(lambda: one.keeper.failures()[DOMAIN] == 0)
    assert "certificate.obtained" in [entry["event"] for entry in logs]


async def test_a_keeper_that_starts_anew_waits_as_long_as_the_one_before(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    for name in ("a", "b", "c"):
        one = await start_keeper(name, spec, pace=SLOW)
        await eventually(lambda one=one: one.keeper.state.attempts.get(DOMAIN), within_s=30)
        told = one.keeper.describe()["certificates"][DOMAIN]
        assert told["failures"] == 1
        assert told["again_in_s"] > 2000
        await eventually(lambda: pebble.orders() == 1)
        await one.kill()
    assert pebble.orders() == 1


async def test_an_authority_that_is_away_is_a_failure_with_a_pause(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    pebble.kill()
    one = await start_keeper("a", spec_for(pebble, DOMAIN), pace=SLOW)

    def why() -> str:
        told = one.keeper.describe().get("certificates", {}).get(DOMAIN, {})
        return str(told.get("why", ""))

    assert "can't be reached" in await eventually(why, within_s=30)


async def test_another_keeper_goes_on_when_the_one_that_orders_has_died(
    start_pebble: StartPebble, start_keeper: StartKeeper, registry_url: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    store = Store(RegistrySettings(redis_url=registry_url), spec.directory, worker="dead")
    turn = await store.claim(60.0)
    assert turn is not None
    assert await store.claim(0.5) is None
    with redis.Redis.from_url(registry_url) as client:
        (lease,) = client.keys("*:lease")
        client.pexpire(lease, 500)  # nobody renews it
    one = await start_keeper("b", spec, ports=[pebble.http_port])
    await has_certificate(one)
    # What the dead one still sends comes too late.
    with pytest.raises(TurnLost):
        await store.change(turn, 1.0, {"account": "x"})
    later = await eventually(lambda: store.claim(0.5))
    assert later is not None
    assert later.number > turn.number
    await store.close()


async def test_a_turn_that_is_lost_ends_the_order(
    start_pebble: StartPebble, start_keeper: StartKeeper, registry_url: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    with capture_logs() as logs, redis.Redis.from_url(registry_url) as client:
        one = await start_keeper("a", spec, pace=SLOW)
        lease = await eventually(lambda: client.keys("*:lease"))
        client.hset(lease[0], "number", "7")
        await eventually(lambda: "certificate.turn_lost" in [entry["event"] for entry in logs])
        assert client.hget(lease[0], "number") == b"7"
    assert one.served == {}


async def test_a_registry_that_has_lost_everything_gets_the_certificates_back(
    start_pebble: StartPebble, start_keeper: StartKeeper, registry_url: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    first = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(first)
    before = first.served[DOMAIN]
    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    await eventually(lambda: first.keeper.state.certificates.get(DOMAIN) == before)
    second = await start_keeper("b", spec)
    await has_certificate(second)
    assert first.served[DOMAIN] == second.served[DOMAIN] == before
    assert pebble.orders() == 1


@pytest.mark.parametrize("lost", ["its data", "the registry"])
async def test_one_that_starts_after_a_loss_has_the_certificate_from_a_sibling(
    start_pebble: StartPebble, start_keeper: StartKeeper, own_registry: RegistryServer, lost: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    first = await start_keeper("a", spec, ports=[pebble.http_port], registry_url=own_registry.url)
    await has_certificate(first)
    await first.kill()  # it puts nothing back
    own_registry.kill()
    if lost == "its data":
        own_registry.start()

    async def of_siblings(directory: str, domains: Sequence[str]) -> Mapping[str, Certificate]:
        assert [*domains] == [DOMAIN]
        return first.keeper.held(directory)

    second = await start_keeper("b", spec, registry_url=own_registry.url, of_siblings=of_siblings)
    await second.keeper.has_looked.wait()
    assert second.served == first.served
    if lost == "its data":
        await eventually(lambda: DOMAIN in second.keeper.state.certificates)
    assert first.keeper.held("https://other.example/dir") == {}
    assert pebble.orders() == 1


async def test_keys_of_another_type_are_replaced(
    start_pebble: StartPebble, start_keeper: StartKeeper, registry_url: str
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    store = Store(RegistrySettings(redis_url=registry_url), spec.directory, worker="x")
    with redis.Redis.from_url(registry_url) as client:
        for key in store.keys:
            client.rpush(key, "odd")
    one = await start_keeper("a", spec, ports=[pebble.http_port])
    await has_certificate(one)
    await store.close()


async def test_with_the_registry_away_the_certificate_is_served_on(
    start_pebble: StartPebble,
    start_keeper: StartKeeper,
    own_registry: RegistryServer,
    tmp_path: Path,
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    file = tmp_path / "view.certificates"
    more = {"registry_url": own_registry.url, "file": file}
    first = await start_keeper("a", spec, ports=[pebble.http_port], **more)
    await has_certificate(first)
    await eventually(file.exists)
    own_registry.kill()
    await eventually(lambda: not first.keeper.reaches_registry)
    assert first.keeper.describe()["registry_reached"] is False
    assert first.keeper.ends_in_s()[DOMAIN] > 0
    # One that starts meanwhile has it from the file, which nobody else may read.
    second = await start_keeper("b", spec, **more)
    await has_certificate(second)
    assert second.served == first.served
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert pebble.orders() == 1
    own_registry.start()  # it has forgotten everything
    await eventually(lambda: first.keeper.state.certificates.get(DOMAIN))
    assert pebble.orders() == 1


async def test_a_file_of_something_else_is_ignored(
    start_pebble: StartPebble, start_keeper: StartKeeper, tmp_path: Path
) -> None:
    pebble = start_pebble()
    file = tmp_path / "view.certificates"
    file.write_bytes(b"\xff[")
    spec = spec_for(pebble, DOMAIN)
    one = await start_keeper("a", spec, ports=[pebble.http_port], file=file)
    await has_certificate(one)


async def test_another_spec_is_taken_without_a_restart(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    one = await start_keeper("a", spec_for(pebble, DOMAIN), ports=[pebble.http_port])
    await has_certificate(one)
    kept = one.served[DOMAIN]
    one.keeper.take(spec_for(pebble, DOMAIN, "more.a.example"))
    await has_certificate(one, "more.a.example")
    assert one.served[DOMAIN] == kept
    one.keeper.take(spec_for(pebble, "more.a.example"))
    await eventually(lambda: one.served[DOMAIN] is None)
    one.keeper.take(None)
    await eventually(lambda: one.served["more.a.example"] is None)
    assert one.keeper.describe() == {}


async def test_an_unknown_token_is_none_of_ours(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    one = await start_keeper("a", spec_for(pebble, DOMAIN), ports=[pebble.http_port])
    await has_certificate(one)
    for token in ("x", "x" * 200, "../x", "ä"):
        assert await one.keeper.answer(token) is None
    for token in one.asked:  # that of an order that is done

        async def is_over(token: str = token) -> bool:
            return await one.keeper.answer(token) is None

        await eventually(is_over)


async def test_an_authority_that_has_forgotten_the_account_gets_it_again(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    one = await start_keeper("a", spec_for(pebble, DOMAIN), ports=[pebble.http_port])
    await has_certificate(one)
    account = await eventually(lambda: one.keeper.state.account)
    pebble.kill()
    pebble.start()
    one.keeper.take(spec_for(pebble, DOMAIN, "more.a.example"))
    await has_certificate(one, "more.a.example")
    assert one.keeper.state.account == account


async def test_an_account_can_be_bound_to_another_one(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    pebble = start_pebble(accounts={"kid-1": key})
    with capture_logs() as logs:
        one = await start_keeper("a", spec_for(pebble, DOMAIN), ports=[pebble.http_port])
        failed = await eventually(
            lambda: [entry for entry in logs if entry["event"] == "certificate.renewal_failed"],
            within_s=30,
        )
        assert "externalAccountRequired" in failed[0]["detail"]
        binding = AccountBinding("kid-1", key)
        one.keeper.take(spec_for(pebble, DOMAIN, binding=binding))
        await has_certificate(one)
    assert key not in repr(binding)
    assert key not in repr(logs)


async def test_a_gateway_that_is_killed_in_the_midst_of_an_order_waits_too(
    start_pebble: StartPebble, start_keeper: StartKeeper
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN, challenges=("http-01",))
    first = await start_keeper("a", spec, pace=SLOW)
    hangs, released = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        hangs.set()
        await released.wait()
        return web.Response(status=404)

    await first.listen([pebble.http_port], hang)
    await hangs.wait()
    await first.kill()
    released.set()
    second = await start_keeper("b", spec, pace=SLOW)
    await eventually(lambda: second.keeper.state.attempts.get(DOMAIN))
    assert second.keeper.describe()["certificates"][DOMAIN]["again_in_s"] > 2000
    assert not second.keeper.work(spec, time.time())
    assert pebble.orders() == 1


async def test_an_order_goes_on_while_the_registry_is_away_and_the_registry_gets_its_certificate_later(
    start_pebble: StartPebble, start_keeper: StartKeeper, own_registry: RegistryServer
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN, challenges=("http-01",))
    one = await start_keeper("a", spec, registry_url=own_registry.url)

    async def answer(request: web.Request) -> web.Response:
        own_registry.kill()
        return await one.answer(request)

    await one.listen([pebble.http_port], answer)
    await has_certificate(one)
    own_registry.start()
    await eventually(lambda: DOMAIN in one.keeper.state.certificates)
    assert pebble.orders() == 1


async def test_certificates_are_served_on_when_its_work_begins_anew(
    start_pebble: StartPebble, start_keeper: StartKeeper, own_registry: RegistryServer
) -> None:
    pebble = start_pebble()
    spec = spec_for(pebble, DOMAIN)
    one = await start_keeper("a", spec, ports=[pebble.http_port], registry_url=own_registry.url)
    await has_certificate(one)
    before = one.served[DOMAIN]
    own_registry.kill()
    await one.kill()  # as after a mistake of ours
    one.begin()
    await eventually(lambda: not one.keeper.reaches_registry)
    assert one.served[DOMAIN] == before
    own_registry.start()
    await eventually(lambda: DOMAIN in one.keeper.state.certificates)
    assert one.served[DOMAIN] == before
    assert pebble.orders() == 1
