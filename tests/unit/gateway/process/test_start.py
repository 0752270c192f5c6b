"""How the process ends where it can't begin."""

import errno
import os
import socket
from typing import NoReturn

import pytest

from gateway.process import start


def test_a_system_that_does_not_let_it_become_the_master_ends_it_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_settings: object, sockets: list[socket.socket]) -> NoReturn:
        for one in sockets:
            one.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(start, "become_master", refused)
    monkeypatch.setattr(start, "raise_limit", lambda: None)
    monkeypatch.setenv("GATEWAY_WORKERS", "2")
    monkeypatch.setenv("GATEWAY_PORT", "0")
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    assert start.main() == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "lockgate: can't start the master of the workers: [Errno 28] No space left on device"
    )
