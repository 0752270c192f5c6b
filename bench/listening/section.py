"""The listening socket of several workers: what each way loses, how it spreads connections, what it costs."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from bench.listening.ways import WAYS, Way
from bench.processes import THIS_TREE
from bench.stage import Stage

TRIED_WITHIN_S = 300.0
#: In a network namespace of its own, so that the machine keeps its setting.
NAMESPACE = (
    "ip link set lo up && echo {migrates} > /proc/sys/net/ipv4/tcp_migrate_req && "
    "exec taskset -c {cores} {python} -m bench.listening.trial {way} {quick}"
)


class NotTried(Exception):
    """A way could not be tried; the message says why."""


def run(stage: Stage) -> None:
    report = stage.report
    tried = []
    for way in WAYS.values():
        report.progress(f"{way.title}")
        try:
            tried.append((way, attempt(way, quick=stage.quick)))
        except NotTried as error:
            report.say(f"{way.title} is left out: {error}")
    report.progress("")
    report.title("Listening sockets: what is lost")
    report.table(
        (
            "way",
            "rolls",
            "connections",
            "waiting at most",
            "lost in rolls",
            "lost at a kill",
            "hung at a kill",
            "hung at a stop of 3 s",
        ),
        [
            (
                way.title,
                str(seen["rolls"]),
                str(seen["connections"]),
                str(seen["waiting"]),
                _lost(seen["lost"]),
                _lost(seen["killed_lost"]),
                f"{seen['killed_hung']}, at most {seen['killed_longest_s']:.2f} s",
                f"{seen['hung_hung']} of {seen['hung_of']}, at most {seen['hung_longest_s']:.1f} s"
                + (f", {_lost(seen['hung_lost'])}" if seen["hung_lost"] else ""),
            )
            for way, seen in tried
        ],
    )
    report.title("Listening sockets: the largest share of 64 connections that one worker got")
    head = ("way", *(f"{how}, {n} workers" for how in ("at once", "each 10 ms") for n in (2, 4)))
    report.table(
        head,
        [
            (
                way.title,
                *(_share(seen[how][n]) for how in ("at_once", "slowly") for n in ("2", "4")),
            )
            for way, seen in tried
        ],
    )
    report.title("Listening sockets: CPU µs of all workers for a connection")
    report.table(
        ("way", "1 worker", "2 workers", "4 workers"),
        [
            (way.title, *(f"{seen['cpu_us'][n]:.0f}" for n in ("1", "2", "4")))
            for way, seen in tried
        ],
    )


def attempt(way: Way, *, quick: bool) -> dict[str, Any]:
    """What a trial of the way prints. Raises NotTried."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NotTried("unshare is not installed")
    script = NAMESPACE.format(
        migrates=int(way.migrates),
        cores=f"0-{(os.cpu_count() or 1) - 1}",
        python=sys.executable,
        way=way.name,
        quick="--quick" if quick else "",
    )
    ran = subprocess.run(
        [unshare, "--map-root-user", "--net", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=TRIED_WITHIN_S,
        env={**os.environ, **THIS_TREE},
        check=False,
    )
    if ran.returncode:
        raise NotTried(ran.stderr.strip()[-300:])
    tried: dict[str, Any] = json.loads(ran.stdout)
    return tried


def _lost(lost: dict[str, int]) -> str:
    return ", ".join(f"{n} {why}" for why, n in sorted(lost.items())) or "0"


def _share(shares: list[float]) -> str:
    return f"{shares[0]:.0%} (worst {shares[1]:.0%})"
