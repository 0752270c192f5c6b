"""Background work is counted while it runs, and is started again after a crash."""

import asyncio

from prometheus_client import CollectorRegistry

from gateway.worker.background import running
from middlewares.telemetry.metrics import GatewayMetrics


def samples(metrics: GatewayMetrics) -> dict[str, float | None]:
    return {
        name: metrics.registry.get_sample_value(f"gateway_background_{name}", {"work": "errand"})
        for name in ("running", "failures_total")
    }


async def test_the_metrics_tell_of_work_that_runs_and_of_work_that_has_ended() -> None:
    metrics, begun = GatewayMetrics(CollectorRegistry()), asyncio.Event()

    async def errand() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with running("errand", errand, metrics):
        await begun.wait()
        assert samples(metrics) == {"running": 1, "failures_total": 0}

    assert samples(metrics) == {"running": 0, "failures_total": 0}


async def test_work_that_crashes_is_counted_and_begun_anew() -> None:
    metrics, begun_again = GatewayMetrics(CollectorRegistry()), asyncio.Event()
    crashes = [ValueError("once")]

    async def errand() -> None:
        if crashes:
            raise crashes.pop()
        begun_again.set()
        await asyncio.Event().wait()

    async with running("errand", errand, metrics):
        await begun_again.wait()
        assert samples(metrics) == {"running": 1, "failures_total": 1}
