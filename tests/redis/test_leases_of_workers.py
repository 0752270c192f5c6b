"""The leases of a gateway of several workers: who has gone counts no longer, and the rest stays."""

import pytest

from discovery.client.async_registry import AsyncServiceRegistry
from discovery.member import sweeper as sweepers
from discovery.member.sweeper import Sweeper
from discovery.model.settings import RegistrySettings
from discovery.store import scripts
from tests.redis.test_scripts_against_twin import instance

KEY = "price/a"


def sweeper_of(registry: AsyncServiceRegistry, worker: str, lapses: list[str]) -> Sweeper:
    return Sweeper(
        registry,
        gateway="g",
        remove_after_s=60,
        on_new_lease=lambda: None,
        worker=worker,
        on_lapse=lambda: lapses.append(worker),
    )


async def status(registry: AsyncServiceRegistry) -> str:
    return (await registry.call(scripts.snapshot("price"))).records[0].status


@pytest.mark.parametrize("how", ["it leaves", "a sibling drops its lease"])
async def test_a_worker_that_has_gone_is_not_waited_for_and_the_gateways_verdicts_stay(
    registry_url: str, how: str
) -> None:
    registry = AsyncServiceRegistry(settings=RegistrySettings(registry_url))
    one, other = (sweeper_of(registry, worker, []) for worker in ("g.1", "g.2"))
    await registry.call(scripts.register(instance(KEY)))
    for each in (one, other, one):
        await each.sweep()
    await registry.call(scripts.report("g", 3, [(KEY, "unhealthy", "503")]))
    assert (one.live_gateways, one.live_workers) == (1, 2)
    await registry.call(scripts.drain(KEY))
    assert (await registry.call(scripts.drained(KEY))).missing == 2

    if how == "it leaves":
        await other.leave()
    else:
        await one.drop("g.2")
        assert (one.live_gateways, one.live_workers) == (1, 1)

    assert (await registry.call(scripts.drained(KEY))).missing == 1
    await one.sweep()
    assert (one.live_gateways, one.live_workers) == (1, 1)
    assert await status(registry) == "unhealthy"
    await registry.close()


async def test_a_worker_that_did_not_sweep_for_as_long_as_its_lease_acknowledges_again(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its event loop hung, a sibling may have removed what it had said; the gateway's lease is not new."""
    registry = AsyncServiceRegistry(settings=RegistrySettings(registry_url))
    lapses: list[str] = []
    one = sweeper_of(registry, "g.1", lapses)
    for _ in range(3):
        await one.sweep()
    assert not lapses
    monkeypatch.setattr(sweepers, "LEASE_S", 0.0)
    await one.sweep()
    assert lapses == ["g.1"]
    await registry.close()
