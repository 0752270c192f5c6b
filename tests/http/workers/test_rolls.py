"""Rolls: all workers are replaced, the master by its new release too, and no connection is lost."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers, in_the_end
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(300)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
OF_A_WORKER = "if sys.orig_argv[-1] == 'lockgate.gateway':"


def startup_module(folder: Path, code: str) -> str:
    """A folder for PYTHONPATH whose `sitecustomize` runs `code` in each Python that starts."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(f"import os, sys\n{code}\n")
    return str(folder)


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def all_is_closed(gateway: GatewayOfWorkers) -> None:
    """Return when the master has done all that belongs to the lines that it has written: it answers after that."""
    assert (await gateway.request("GET", "/roll")).status == 200


def other_threads(pid: int) -> list[Path]:
    return [one for one in Path(f"/proc/{pid}/task").iterdir() if one.name != str(pid)]


def blocks(thread: Path, number: int) -> bool:
    lines = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines())
    return bool(int(lines["SigBlk"], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("count", [2, 3])
async def test_a_roll_replaces_all_workers_and_keeps_the_pid_and_the_connections(
    tmp_path: Path, registry_url: str, count: int
) -> None:
    async with gateway_of_workers(
        tmp_path, registry_url, GATEWAY_WORKERS=str(count), SHUTDOWN_GRACE="60"
    ) as gateway:
        old = gateway.workers
        clients = [await RawClient.connect(gateway.port) for _ in range(8)]
        for client in clients:
            await client.send(HEALTH)
            assert (await client.answer()).status == 200

        done = await gateway.roll()

        assert done["event"] == "roll.done"
        assert done["workers"] == count
        assert gateway.process.returncode is None
        await gateway.all_ready(count, without=old)
        for client in clients:  # idle ones are told once they ask again
            await client.send(HEALTH)
            assert (await client.answer()).status == 200
            await client.close()
        await in_the_end(lambda: len(gateway.logs("worker.stopped")) == count)
        assert gateway.logs("worker.ended") == []
        assert len(gateway.logs("gateway.started")) == 1


async def test_the_master_goes_on_with_its_new_code(tmp_path: Path, registry_url: str) -> None:
    code = tmp_path / "code"
    path = startup_module(code, "")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        startup_module(
            code,
            "if sys.orig_argv[-1] == 'lockgate.master': open("
            f"{str(tmp_path / 'renewed')!r}, 'w').write(str(os.getpid()))",
        )

        assert (await gateway.roll())["event"] == "roll.done"

        assert (tmp_path / "renewed").read_text() == str(gateway.process.pid)


async def test_a_master_whose_new_code_fails_is_kept_with_its_workers(
    tmp_path: Path, registry_url: str
) -> None:
    code = tmp_path / "code"
    path = startup_module(code, "")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        old = gateway.workers
        startup_module(
            code,
            "if '--check' in sys.orig_argv: os.write(2, b'ImportError: no such code'); os._exit(1)",
        )

        failed = await gateway.roll()

        assert failed["event"] == "roll.failed"
        assert failed["reason"] == "the new release can't run the master: ImportError: no such code"
        assert gateway.workers == old
        threads = other_threads(gateway.process.pid)
        assert threads
        for thread in threads:
            # It would take a SIGTERM that the main thread blocks, and lose it with the next exec.
            assert blocks(thread, signal.SIGTERM)


async def test_a_master_without_a_free_descriptor_ends_the_roll_and_can_roll_later(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        pid = gateway.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_descriptors(pid), before[1]))
        failed = await gateway.roll()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

        assert failed["event"] == "roll.failed"
        assert "Too many open files" in failed["reason"]
        assert (await gateway.roll())["event"] == "roll.done"


async def _rolled_with(code: str, tmp_path: Path, gateway: GatewayOfWorkers) -> str:
    """Roll to a release that runs `code` when a worker starts; why it failed."""
    startup_module(tmp_path / "code", f"{OF_A_WORKER}\n    {code}")
    old = gateway.workers
    failed = await gateway.roll()
    assert failed["event"] == "roll.failed"
    assert gateway.workers == old
    async with await RawClient.connect(gateway.port) as client:
        await client.send(HEALTH)
        assert (await client.answer()).status == 200
    return str(failed["reason"])


async def test_a_release_that_fails_at_import_ends_the_roll_with_the_reason(
    tmp_path: Path, registry_url: str
) -> None:
    path = startup_module(tmp_path / "code", "")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        code = "sys.stderr.write('ImportError: no aiohttp\\n'); os._exit(1)"
        reason = await _rolled_with(code, tmp_path, gateway)
        assert "ImportError: no aiohttp" in reason
        assert "status 1" in reason

        startup_module(tmp_path / "code", "")
        assert (await gateway.roll())["event"] == "roll.done"


async def test_a_release_that_never_gets_ready_ends_the_roll_after_15_s(
    tmp_path: Path, registry_url: str
) -> None:
    path = startup_module(tmp_path / "code", "")
    async with gateway_of_workers(
        tmp_path, registry_url, PYTHONPATH=path, WORKER_READY_TIMEOUT="15"
    ) as gateway:
        code = "import time; time.sleep(100)"
        assert "not ready within 15 s" in await _rolled_with(code, tmp_path, gateway)


async def test_a_release_that_takes_5_s_is_waited_for(tmp_path: Path, registry_url: str) -> None:
    path = startup_module(tmp_path / "code", "")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        startup_module(tmp_path / "code", f"{OF_A_WORKER}\n    import time; time.sleep(5)")

        assert (await gateway.roll())["event"] == "roll.done"


async def test_a_roll_that_is_asked_for_during_a_roll_follows_it(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        gateway.process.send_signal(signal.SIGUSR2)
        await eventually(lambda: gateway.logs("roll.started"))
        gateway.process.send_signal(signal.SIGUSR2)
        gateway.process.send_signal(signal.SIGUSR2)

        await eventually(lambda: len(gateway.ended_rolls()) == 2, within_s=150)
        assert len(gateway.logs("roll.done")) == 2
        assert len(gateway.logs("roll.started")) == 2


async def test_sigterm_during_a_roll_stops_the_gateway(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        gateway.process.send_signal(signal.SIGUSR2)
        await in_the_end(lambda: len(gateway.logs("worker.started")) >= 3)
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0


@pytest.mark.parametrize("pause_ms", [0, 150, 300])
async def test_sigterm_is_not_lost_while_the_master_is_renewed(
    tmp_path: Path, registry_url: str, pause_ms: int
) -> None:
    """Signals that came between two programs of the same process could be handled by neither."""
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        gateway.process.send_signal(signal.SIGUSR2)
        await eventually(lambda: gateway.logs("roll.started"))
        await asyncio.sleep(pause_ms / 1000)  # its moments can't be seen from outside
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0


async def test_a_worker_that_crashes_during_a_roll_is_replaced_once(
    tmp_path: Path, registry_url: str
) -> None:
    path, killed = startup_module(tmp_path / "code", ""), tmp_path / "killed"
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        old = gateway.workers
        waits = f"import time\n    while not os.path.exists({str(killed)!r}): time.sleep(0.01)"
        startup_module(tmp_path / "code", f"{OF_A_WORKER}\n    {waits}")
        gateway.process.send_signal(signal.SIGUSR2)
        await in_the_end(lambda: len(gateway.logs("worker.started")) == 3)
        for pid in old:  # the one that is being replaced just now, and the one that is next
            os.kill(pid, signal.SIGKILL)
        await in_the_end(lambda: len(gateway.logs("worker.ended")) == 2)
        killed.touch()

        (ended,) = await eventually(gateway.ended_rolls, within_s=100)
        assert ended["event"] == "roll.done"
        await gateway.all_ready(2, without=old)
        assert len(gateway.logs("worker.started")) == 4


async def test_the_new_worker_of_a_roll_that_is_killed_ends_the_roll(
    tmp_path: Path, registry_url: str
) -> None:
    path = startup_module(tmp_path / "code", "")
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=path) as gateway:
        old = gateway.workers
        startup_module(tmp_path / "code", f"{OF_A_WORKER}\n    import time; time.sleep(100)")
        gateway.process.send_signal(signal.SIGUSR2)
        (new,) = await in_the_end(lambda: gateway.logs("worker.started")[2:])
        os.kill(new["pid"], signal.SIGKILL)

        (failed,) = await eventually(lambda: gateway.logs("roll.failed"))
        assert "signal SIGKILL" in failed["reason"]
        assert gateway.workers == old


async def test_rolls_and_crashes_leave_no_descriptors_behind(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        await gateway.roll()
        await in_the_end(lambda: len(gateway.logs("worker.stopped")) == 2)
        workers = await gateway.all_ready()
        await all_is_closed(gateway)
        before = open_descriptors(gateway.process.pid)
        of_worker = [open_descriptors(pid) for pid in workers]
        for _ in range(2):
            await gateway.roll()
        os.kill(gateway.workers[0], signal.SIGKILL)
        await in_the_end(lambda: len(gateway.logs("worker.stopped")) == 6)
        await in_the_end(lambda: gateway.logs("worker.ended"))
        workers = await gateway.all_ready()
        await all_is_closed(gateway)

        assert open_descriptors(gateway.process.pid) == before
        await eventually(
            lambda: max(open_descriptors(pid) for pid in gateway.workers) <= max(of_worker) + 2
        )
