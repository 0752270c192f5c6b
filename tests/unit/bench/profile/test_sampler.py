"""A process that loads the sampler as its `sitecustomize` writes its stacks down when it is told to."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from bench.profile import sampler

PROGRAM = textwrap.dedent("""
    import os, signal, sys

    def work():
        return sum(range(10_000))

    def begun_late():
        pass

    def waiting_in_c():
        os.kill(os.getpid(), signal.SIGPROF)
        begun_late()

    os.kill(os.getpid(), signal.SIGWINCH)
    while not os.times().user + os.times().system > 0.5:
        work()
    waiting_in_c()
    os.kill(os.getpid(), signal.SIGWINCH)
""")


def samples_of(program: str, folder: Path) -> list[tuple[int, list[tuple[str, str]]]]:
    shutil.copy(sampler.__file__, folder / "sitecustomize.py")
    environment = {**os.environ, "PYTHONPATH": str(folder), sampler.TO: str(folder / "samples")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=30)
    samples: list[tuple[int, list[tuple[str, str]]]] = json.loads(
        (folder / "samples").read_text("utf-8")
    )
    return samples


def test_the_functions_that_compute_are_met(tmp_path: Path) -> None:
    met = {name for _, stack in samples_of(PROGRAM, tmp_path) for _, name in stack}

    assert "work" in met
    assert "waiting_in_c" in met


def test_what_took_time_before_a_function_begins_is_its_callers() -> None:
    def outer() -> None:
        inner()

    def inner() -> None:
        pass

    codes = (inner.__code__, outer.__code__)
    began = sampler._beginning(inner.__code__)

    assert sampler._spent_in(codes, began) == (outer.__code__,)
    assert sampler._spent_in(codes, began + 2) == codes


def test_without_its_variable_it_takes_no_signal() -> None:
    assert signal.getsignal(signal.SIGPROF) in (signal.SIG_DFL, None)
