"""`process_*`: without /proc, psutil gives the same values under the same names."""

import os

import psutil
import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from middlewares.telemetry.process_metrics import (
    ProcessWithoutProc,
    add_process_metrics,
)


def values(registry: CollectorRegistry) -> dict[str, float]:
    return {sample.name: sample.value for family in registry.collect() for sample in family.samples}


@pytest.mark.skipif(not psutil.LINUX, reason="there is no /proc to compare with")
def test_without_proc_the_names_and_the_values_are_the_same() -> None:
    with_proc, without = CollectorRegistry(), CollectorRegistry()
    ProcessCollector(registry=with_proc)
    without.register(ProcessWithoutProc())

    real, ours = values(with_proc), values(without)

    assert ours.keys() == real.keys()
    # The kernel counts CPU time in hundredths and memory in pages, so the values differ a little.
    assert ours == pytest.approx(real, rel=0.1, abs=2)


def test_a_process_tells_of_its_descriptors() -> None:
    registry = CollectorRegistry()
    add_process_metrics(registry)

    before = values(registry)["process_open_fds"]
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    after = values(registry)["process_open_fds"]
    for descriptor in opened:
        os.close(descriptor)

    assert after - before == 20
