"""The master where nothing of the application can be imported, so that a broken release can't take it down."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_of_workers
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(300)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"

#: In the master and where its next release is tried, an import of anything but these ends with an error.
_ALONE = """
import os, sys

known = sys.stdlib_module_names | set(["org"])  # `copy` tries the latter

class NothingElse:
    @staticmethod
    def find_spec(name, path=None, target=None):
        own = name == "gateway" or name.partition(".")[0] == "lockgate"
        own = own or (name + ".").startswith("gateway.master.")
        if not own and name.partition(".")[0] not in known:
            with open({refused!r}, "a") as file:
                file.write(name + "\\n")
            raise ImportError("the application is broken: " + name)

if "lockgate.master" in sys.orig_argv:
    open({masters!r}, "a").write("begun\\n")
    sys.meta_path.insert(0, NothingElse)
"""
_BROKEN = """
if "lockgate.gateway" in sys.orig_argv:
    sys.stderr.write("ImportError: the release is broken\\n")
    os._exit(1)
"""


async def test_workers_crash_are_replaced_and_rolled_while_it_can_import_nothing_of_them(
    tmp_path: Path, registry_url: str
) -> None:
    refused, masters, code = tmp_path / "refused", tmp_path / "masters", tmp_path / "code"
    code.mkdir()
    startup = code / "sitecustomize.py"
    alone = _ALONE.format(refused=str(refused), masters=str(masters))
    startup.write_text(alone)
    async with gateway_of_workers(tmp_path, registry_url, PYTHONPATH=str(code)) as gateway:
        killed, other = gateway.workers
        os.kill(killed, signal.SIGKILL)
        crashed = await gateway.all_ready(without=[killed])
        assert other in crashed

        startup.write_text(alone + _BROKEN)
        failed = await gateway.roll()
        assert failed["event"] == "roll.failed"
        assert "ImportError: the release is broken" in failed["reason"]
        assert gateway.workers == crashed
        os.kill(crashed[0], signal.SIGKILL)  # is replaced by the broken release, in vain
        await eventually(lambda: len(gateway.logs("worker.ended")) >= 4)
        assert gateway.workers == [crashed[1]]
        async with await RawClient.connect(gateway.port) as client:
            await client.send(HEALTH)
            assert (await client.answer()).status == 200

        startup.write_text(alone)
        assert (await gateway.roll())["event"] == "roll.done"
        await gateway.all_ready(without=crashed)
        gateway.process.terminate()
        assert await gateway.exit_status() == 0

    assert not refused.exists(), refused.read_text()
    # The first, and for each roll one that is tried and one that goes on.
    assert masters.read_text().count("begun") == 5
