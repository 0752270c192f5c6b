"""Writing to somebody who may not read."""

import os

from gateway.master.writing import write_soon


def test_what_nobody_reads_is_not_waited_for() -> None:
    out, into = os.pipe()
    assert write_soon(into, b"x" * 1000)
    assert not write_soon(into, b"x" * 10_000_000)
    assert not write_soon(into, b"y")
    os.close(out)
    assert not write_soon(into, b"z")
    os.close(into)
