"""The gateway under one workload: its CPU, its bytes, its stacks, and what the kernel did for it."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load import LoadError
from bench.peers import lockgate
from bench.peers.peer import Launch, Peer, Site
from bench.processes import StartError
from bench.profile import kernel, sampler
from bench.profile.rooms import Function, Room, by_room
from bench.rounds import drive
from bench.stage import Proxy, Stage
from bench.workloads import Workload

SAMPLED_S = 11
#: While perf records for a second less.
RECORDED_S = 3
_WRITTEN_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Calls:
    """Reads and writes of sockets and of the log, and their bytes; totals or per request."""

    reads: float
    writes: float
    bytes_read: float
    bytes_written: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Per request; `rooms` are in µs, `shares` are of `cpu_us` and None without perf."""

    workload: Workload
    cpu_us: float
    kernel_us: float
    calls: Calls
    samples: int
    rooms: dict[str, Room]
    shares: kernel.Shares | None


def measure(stage: Stage) -> Iterator[Profile]:
    """Profile the gateway under each workload, each time in a process of its own."""
    for workload in stage.workloads:
        samples = stage.folder / f"samples-{workload.name}.json"
        stage.report.progress(f"profile: {workload.name}")
        with stage.proxies([_sampled(stage, samples)]) as proxies:
            for proxy in proxies:
                try:
                    drive(stage, workload, proxy, 1)
                    yield _profile(stage, workload, proxy, samples)
                except LoadError as error:
                    stage.report.say(f"{workload.name}: {error}")


def _sampled(stage: Stage, samples: Path) -> Peer:
    """The gateway with the sampler, which Python loads by itself as `sitecustomize`."""
    peer = lockgate.peer(stage.python, stage.registry.port)
    inside = stage.folder / "inside"
    inside.mkdir(exist_ok=True)
    shutil.copy(sampler.__file__, inside / "sitecustomize.py")

    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        path = f"{inside}{os.pathsep}{made.environment['PYTHONPATH']}"
        more = {"PYTHONPATH": path, sampler.TO: str(samples)}
        return Launch(made.command, {**made.environment, **more})

    return Peer(peer.name, peer.version, True, launch)


def _profile(stage: Stage, workload: Workload, proxy: Proxy, samples: Path) -> Profile:
    pid = proxy.running.pid
    with _sampling(pid, samples):
        before, calls_before = proxy.running.usage(), _calls(pid)
        seen = drive(stage, workload, proxy, 3 if stage.quick else SAMPLED_S)
        after, calls_after = proxy.running.usage(), _calls(pid)
    stacks: Sequence[tuple[int, Sequence[Function]]] = json.loads(samples.read_text("utf-8"))
    if seen.failed or not stacks:
        raise LoadError(f"{seen.failed} of {seen.requests} requests failed; {len(stacks)} stacks")
    each = 1 / seen.requests
    cpu_us = (after.cpu_s - before.cpu_s) * each * 1e6
    taken = sum(count for count, _ in stacks)
    return Profile(
        workload,
        cpu_us,
        (after.kernel_s - before.kernel_s) * each * 1e6,
        Calls(*((now - then) * each for now, then in zip(calls_after, calls_before, strict=True))),
        taken,
        by_room((count * cpu_us / taken, stack) for count, stack in stacks),
        _recorded(stage, workload, proxy) if kernel.is_available() else None,
    )


def _recorded(stage: Stage, workload: Workload, proxy: Proxy) -> kernel.Shares | None:
    data = stage.folder / f"samples-{workload.name}.perf"
    with kernel.recording(proxy.running.pid, RECORDED_S - 1, data):
        drive(stage, workload, proxy, RECORDED_S)
    return kernel.shares(data)


@contextmanager
def _sampling(pid: int, samples: Path) -> Iterator[None]:
    """Sample meanwhile; the samples are there afterwards. Raises StartError."""
    os.kill(pid, signal.SIGWINCH)
    yield
    os.kill(pid, signal.SIGWINCH)
    until_s = time.monotonic() + _WRITTEN_WITHIN_S
    while not samples.exists():
        if time.monotonic() > until_s:
            raise StartError("the gateway wrote no samples")
        time.sleep(0.02)


def _calls(pid: int) -> tuple[int, int, int, int]:
    io = psutil.Process(pid).io_counters()
    return io.read_count, io.write_count, io.read_chars, io.write_chars
