"""^C and SIGTERM to waiting commands: a conventional status and no traceback."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.documents import ROOT
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until
from tests.support.stacks import free_offset

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python …` in the folder, with its output in the file `said`."""
    environment = {key: value for key, value in os.environ.items() if key != "PORT_OFFSET"}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT), **variables},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(folder: Path) -> str:
    return (folder / "said").read_text()


@BOTH
@pytest.mark.parametrize("command", ["services", "routes"])
def test_who_waits_for_an_answer_ends_without_a_word(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started(tmp_path, "-m", "lockgate", command, "--url", url) as process:
            silent.settimeout(30)
            asked, _ = silent.accept()
            with asked:
                asked.recv(1)  # it has asked and waits
                process.send_signal(number)
                assert process.wait(timeout=10) == 128 + number
    assert said(tmp_path) == ""


@BOTH
@pytest.mark.parametrize("module", ["lockgate.gateway", "gateway"])
def test_a_gateway_that_still_imports_ends_without_a_word(
    tmp_path: Path, module: str, number: signal.Signals
) -> None:
    """Python prints each import, so that the test can send the signal in the middle of them."""
    with started(tmp_path, "-X", "importtime", "-m", module, GATEWAY_PORT="0") as process:
        until(lambda: re.search(r"\| +aiohttp\.", said(tmp_path)), within_s=30)
        process.send_signal(number)
        status = process.wait(timeout=20)
    assert status in {128 + number, 0}  # on a quick machine it may serve already
    assert "Traceback" not in said(tmp_path)
    assert "KeyboardInterrupt" not in said(tmp_path)


@BOTH
def test_a_gateway_that_waits_for_its_registry_stops_as_one_that_serves(
    tmp_path: Path, number: signal.Signals
) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    with started(tmp_path, "-m", "gateway", GATEWAY_PORT="0", REDIS_URL=url) as process:
        until(lambda: "{" in said(tmp_path), within_s=30)
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
    assert "Traceback" not in said(tmp_path)


@pytest.mark.timeout(150)
@BOTH
def test_an_up_that_is_stopped_takes_back_what_it_has_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    offset = str(free_offset())
    arguments = ("-m", "lockgate", "up", "--port-offset", offset)
    with started(tmp_path, *arguments) as process:

        def has_begun() -> bool:
            assert process.poll() is None, said(tmp_path)
            return "starting price_service" in said(tmp_path)

        until(has_begun, within_s=50)
        process.send_signal(number)
        assert process.wait(timeout=40) == 128 + number
    assert "Traceback" not in said(tmp_path)
    with started(tmp_path, "-m", "lockgate", "ps", "--json", "--port-offset", offset) as ps:
        assert ps.wait(timeout=20) == 0
    assert said(tmp_path) == "[]\n"
