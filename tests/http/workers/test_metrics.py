"""`GET /metrics` of a gateway with workers: the sum, whichever is asked and whoever has ended."""

import asyncio
import itertools
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
_COUNTERS = ("_total", "_bucket", "_count")
#: What the load of these tests is counted as, and no scrape is.
_REFUSED = ("method", "POST", "service", "api_gateway", "status", "405")

Samples = Mapping[tuple[str, ...], float]


async def scrape(gateway: GatewayOfWorkers) -> Samples:
    """All samples, asked for on a new connection, so that any worker answers."""
    text = (await gateway.request("GET", "/metrics")).body.decode()
    return {
        (sample.name, *(part for pair in sorted(sample.labels.items()) for part in pair)): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def refused(samples: Samples) -> float:
    return samples.get(("gateway_requests_total", *_REFUSED), 0)


class Load:
    """Sends requests that are refused, each on a new connection, so that all workers get some."""

    def __init__(self, gateway: GatewayOfWorkers) -> None:
        self.answered = 0
        self.broken = 0
        self._url = f"http://127.0.0.1:{gateway.port}/health"

    async def send(self, count: int) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            for _ in range(count):
                try:
                    async with session.post(self._url) as answer:
                        await answer.read()
                        self.answered += answer.status == 405
                except (aiohttp.ClientError, OSError):
                    self.broken += 1


async def test_no_counter_goes_back_while_workers_are_killed_and_rolled(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        load, seen = Load(gateway), [await scrape(gateway)]
        done = asyncio.Event()

        async def scraping() -> None:
            while not done.is_set():
                seen.append(await scrape(gateway))

        async def loading() -> None:
            while not done.is_set():
                await load.send(20)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scraping())
            tasks.create_task(loading())
            killed = gateway.workers[0]
            os.kill(killed, signal.SIGKILL)
            await gateway.all_ready(without=[killed])
            assert (await gateway.roll())["event"] == "roll.done"
            done.set()
        seen.append(await scrape(gateway))

        for before, after in itertools.pairwise(seen):
            assert not {
                key: (value, after.get(key))
                for key, value in before.items()
                if key[0].endswith(_COUNTERS) and not after.get(key, -1) >= value
            }
        assert 0 < refused(seen[-1]) <= load.answered + load.broken


async def test_a_scrape_waits_for_a_master_that_takes_its_time_to_go_on_with_new_code(
    tmp_path: Path, registry_url: str
) -> None:
    """On a busy machine it took more than the 2 s after which the scrape was answered 503."""
    code = tmp_path / "sitecustomize.py"
    code.write_text("")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=str(tmp_path)) as gateway:
        begun = tmp_path / "begun"
        code.write_text(
            "import sys\nif sys.orig_argv[-1] == 'lockgate.master':\n"
            f"    import time; open({str(begun)!r}, 'w').close(); time.sleep(3)\n"
        )
        rolled = asyncio.create_task(gateway.roll())
        await eventually(begun.exists, within_s=60)

        assert (await gateway.request("GET", "/metrics")).status == 200
        assert (await rolled)["event"] == "roll.done"


async def test_the_sum_is_all_requests_after_a_kill_and_a_roll(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        load = Load(gateway)
        await load.send(200)
        # What was seen is not lost, even with the worker that counted it.
        await eventually_refused(gateway, 200)
        killed = gateway.workers[1]
        os.kill(killed, signal.SIGKILL)
        await gateway.all_ready(without=[killed])
        await load.send(200)
        # What nobody has seen yet is told by workers that end.
        assert (await gateway.roll())["event"] == "roll.done"
        await eventually(lambda: len(gateway.logs("worker.stopped")) == 2, within_s=60)

        assert load.answered == 400
        now = await scrape(gateway)
        assert refused(now) == 400
        duration = "gateway_request_duration_seconds_bucket", "le", "+Inf", "service", "api_gateway"
        assert now[duration] >= 400
        assert [now["gateway_workers", "state", state] for state in ("ready", "stopping")] == [2, 0]
        assert now["gateway_worker_replacements_total", "why", "crashed"] == 1
        assert now["gateway_worker_replacements_total", "why", "rolled"] == 2


async def eventually_refused(gateway: GatewayOfWorkers, count: int) -> None:
    """Wait until so many are counted: the last answer is counted a moment after it has arrived."""
    async with asyncio.timeout(60):
        while refused(await scrape(gateway)) != count:
            pass


async def test_open_metrics_come_where_accept_asks_for_them(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        answer = await gateway.request("GET", "/metrics", headers={"Accept": OPEN_METRICS})

        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        families = {
            family.name: family
            for family in open_metrics.text_string_to_metric_families(answer.body.decode())
        }
        assert all(family.documentation for family in families.values())
        created = {
            sample.value
            for family in families.values()
            for sample in family.samples
            if sample.name.endswith("_created")
        }
        (began,) = (one.value for one in families["process_start_time_seconds"].samples)
        assert created <= {began}


async def test_a_worker_that_hangs_counts_with_what_it_had_told(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        load = Load(gateway)
        await load.send(100)
        await eventually_refused(gateway, 100)
        hangs = gateway.workers[0]
        os.kill(hangs, signal.SIGSTOP)
        try:
            assert refused(await scrape(gateway)) == 100
        finally:
            with suppress(ProcessLookupError):
                os.kill(hangs, signal.SIGCONT)
