"""An upgrade of the program without closing the port: `current` leads to another release, then a roll."""

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.gateway_processes import ROOT, GatewayOfWorkers, gateway_process
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(300)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
PACKAGES = ("discovery", "gateway", "lockgate", "middlewares", "services", "shared")


def release(folder: Path, note: str) -> None:
    """A release with an interpreter of its own, whose master and workers write `note` to a file."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    home = Path(sys.executable).resolve().parent
    (folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    site = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    site.mkdir(parents=True)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for package in PACKAGES:
        # Compiled modules would be loaded in place of what is appended below.
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / package, folder / "app" / package, ignore=ignored)
    for module, kind in (("gateway/master/master.py", "master"), ("gateway/app.py", "worker")):
        with (folder / "app" / module).open("a") as file:
            written = f"{str(folder.parent / kind)!r} + str(__import__('os').getpid())"
            file.write(f"\nopen({written}, 'w').write({note!r})\n")


async def test_a_switched_symlink_and_a_roll_bring_the_new_release_into_the_same_process(
    tmp_path: Path, registry_url: str
) -> None:
    release(tmp_path / "1", "first")
    release(tmp_path / "2", "second")
    current = tmp_path / "current"
    current.symlink_to("1")
    command = ("sh", "-c", f"exec {current}/bin/python -P -m lockgate.gateway")
    async with gateway_process(
        tmp_path,
        registry_url,
        started=False,
        prefix=command,
        session=True,
        GATEWAY_WORKERS="2",
        WORKER_READY_TIMEOUT="120",
        SHUTDOWN_GRACE="100",
        PYTHONPATH=str(current / "app"),
    ) as process:
        gateway = GatewayOfWorkers(tmp_path, process.process, process.port)
        old = await gateway.all_ready()
        master = tmp_path / f"master{gateway.process.pid}"
        assert master.read_text() == "first"
        assert [(tmp_path / f"worker{pid}").read_text() for pid in old] == ["first"] * 2
        client = await RawClient.connect(gateway.port)
        await client.send(HEALTH)
        assert (await client.answer()).status == 200

        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").rename(current)
        done = await gateway.roll()

        assert done["event"] == "roll.done"
        assert master.read_text() == "second"
        new = await gateway.all_ready(without=old)
        assert [(tmp_path / f"worker{pid}").read_text() for pid in new] == ["second"] * 2
        await client.send(HEALTH)
        assert (await client.answer()).status == 200
        await client.close()

        shutil.rmtree(tmp_path / "1")  # nothing needs it any longer
        current.unlink()  # an installation that is gone ends a roll, and nothing else
        failed = await gateway.roll()
        assert failed["event"] == "roll.failed"
        assert "the new release can't run the master" in failed["reason"]
        assert gateway.workers == new
        gateway.process.terminate()
        assert await gateway.exit_status(30) == 0
