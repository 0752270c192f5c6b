"""How many cores this process may use: its affinity, and the limits of its control groups."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Cores that can run at the same time; a limit of 1.5 cores counts as two. At least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = _limit()
    return max(1, cores if limit is None else min(cores, math.ceil(limit)))


def _limit() -> float | None:
    """The least limit of the control groups that this process is in, in cores; None without one."""
    limits = [limit for folder in _folders() if (limit := _limit_of(folder)) is not None]
    return min(limits, default=None)


def _folders() -> list[Path]:
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:
        return []
    folders: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = _GROUPS
        elif "cpu" in controllers.split(","):
            root = _GROUPS / controllers
        else:
            continue
        folder = root / path.lstrip("/")
        folders += [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
    return folders


def _limit_of(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in ("max", "-1"):
        return None
    return int(quota) / int(period)
