"""Samples the stacks of the process that imports it, each few milliseconds of its CPU time.

The section `profile` copies this file as `sitecustomize.py` into a folder that only its gateway has on the
path. The first SIGWINCH starts the sampling, the second one ends it and writes the samples down.
"""

import dis
import json
import os
import signal
from collections import Counter
from types import CodeType, FrameType

TO = "LOCKGATE_BENCH_SAMPLES"
EVERY_S = 0.001  # the kernel's timer makes it 4 ms where it ticks 250 times a second

#: What was on the stack, innermost first, and how far the innermost function had come.
_Stack = tuple[tuple[CodeType, ...], int]


class Sampler:
    """Counts stacks in memory, so that a sample costs a few microseconds."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stacks: Counter[_Stack] = Counter()
        self._is_running = False

    def switch(self, _signal: int, _frame: FrameType | None) -> None:
        every_s = 0.0 if self._is_running else EVERY_S
        signal.setitimer(signal.ITIMER_PROF, every_s, every_s)
        if self._is_running:
            self._write()
        self._is_running = not self._is_running

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        at, codes = frame.f_lasti, []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(codes), at] += 1

    def _write(self) -> None:
        samples = [
            (count, [(code.co_filename, code.co_qualname) for code in _spent_in(codes, at)])
            for (codes, at), count in self._stacks.items()
        ]
        with open(f"{self._path}.part", "w", encoding="utf-8") as file:
            json.dump(samples, file)
        os.replace(f"{self._path}.part", self._path)


def _spent_in(codes: tuple[CodeType, ...], at: int) -> tuple[CodeType, ...]:
    """Python calls a signal's handler when the next function begins: the time was its caller's."""
    return codes[1:] if at <= _beginning(codes[0]) else codes


def _beginning(code: CodeType) -> int:
    resumes = (one.offset for one in dis.get_instructions(code) if one.opname == "RESUME")
    return next(resumes, -1)


if path := os.environ.pop(TO, ""):
    _sampler = Sampler(path)
    signal.signal(signal.SIGPROF, _sampler.sample)
    signal.signal(signal.SIGWINCH, _sampler.switch)
