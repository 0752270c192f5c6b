"""How many cores count as usable: affinity, and limits of control groups of both versions."""

import os
from pathlib import Path

import pytest

from gateway.machine import cores
from gateway.machine.cores import usable_cores


class Machine:
    """Eight cores, and the files of the control groups of this process."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.groups = folder / "cgroup"
        self.own = folder / "own"
        self.groups.mkdir()
        patch.setattr(cores, "_GROUPS", self.groups)
        patch.setattr(cores, "_OWN_GROUP", self.own)
        patch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))

    def put(self, path: str, text: str) -> None:
        file = self.groups / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_without_control_groups_the_affinity_counts(machine: Machine) -> None:
    assert usable_cores() == 8


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("9900000 100000", 8),
        ("", 8),
    ],
)
def test_a_limit_of_version_2_is_rounded_up(machine: Machine, limit: str, expected: int) -> None:
    machine.own.write_text("0::/a.slice/b.scope\n")
    machine.put("a.slice/b.scope/cpu.max", limit)
    assert usable_cores() == expected


def test_the_least_limit_of_all_groups_above_counts(machine: Machine) -> None:
    machine.own.write_text("0::/a.slice/b.scope\n")
    machine.put("a.slice/b.scope/cpu.max", "400000 100000")
    machine.put("a.slice/cpu.max", "300000 100000")
    machine.put("cpu.max", "max 100000")
    assert usable_cores() == 3


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("250000", 3)])
def test_a_limit_of_version_1(machine: Machine, quota: str, expected: int) -> None:
    machine.own.write_text("5:memory:/x\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/y\n")
    machine.put("cpu,cpuacct/docker/c1/cpu.cfs_quota_us", quota)
    machine.put("cpu,cpuacct/docker/c1/cpu.cfs_period_us", "100000")
    assert usable_cores() == expected


def test_a_group_that_is_the_root_of_a_container(machine: Machine) -> None:
    machine.own.write_text("0::/\n")
    machine.put("cpu.max", "100000 100000")
    assert usable_cores() == 1


def test_without_affinity_the_cores_of_the_machine_count(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
