"""Runs Autobahn's WebSocket cases (a suite that others wrote) through the gateway, and past it.

The suite needs Python 2.7: `bench/make-venv` installs it if it finds one, else `wstest` on PATH is
used. An aiohttp server stands behind the gateway. A case that fails there directly is no fault of
the gateway.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.peers import caddy, envoy, haproxy, lockgate, nginx, traefik
from bench.peers.peer import WHEELS
from bench.processes import THIS_TREE, Running, free_port, pinned
from bench.report import Bar
from bench.stage import Stage, stream_path

#: Cases of size, and compression cases that repeat 12.1 and 13.1 with other texts and windows.
LEFT_OUT = ["9.*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", *(f"13.{n}.*" for n in range(2, 8))]
SLOW = ["9.*", "12.*", "13.*"]
#: Too long for a quick run.
LONG = [*SLOW, "1.*", "5.*", "6.*"]
ENDS_WITHIN_S = 3600.0
SAME = Bar("Autobahn cases that end otherwise through the gateway than directly", 0)

PASSED = {"OK/OK", "INFORMATIONAL/INFORMATIONAL"}
SHOWN = 20


def run(stage: Stage) -> None:
    _run(stage, [lockgate.NAME], LONG if stage.quick else LEFT_OUT)


def run_whole(stage: Stage) -> None:
    """Run all cases: those of size and of compression take half an hour."""
    _run(stage, [lockgate.NAME], [])


def run_beside(stage: Stage) -> None:
    """Run the quick cases, the closing handshake among them, through the other proxies too."""
    names = [peer.NAME for peer in (lockgate, nginx, haproxy, envoy, traefik, caddy)]
    _run(stage, names, SLOW)


def _run(stage: Stage, names: Sequence[str], left_out: Sequence[str]) -> None:
    report = stage.report
    report.title("Autobahn's WebSocket cases")
    wstest = shutil.which("wstest", path=f"{WHEELS}/py2/bin") or shutil.which("wstest")
    if wstest is None:
        report.say("wstest is not installed: see bench/make-venv")
        return
    port = free_port()
    server = [sys.executable, "-m", "bench.websocket_echo", str(port)]
    folder = stage.folder / "autobahn"
    with (
        Running(server, core=stage.load_core, folder=folder, port=port, environment=THIS_TREE),
        replace(stage, stream_port=port).proxies(stage.chosen(*names)) as proxies,
    ):
        urls = {
            proxy.peer.name: f"ws://127.0.0.1:{proxy.port}{stream_path('/')}" for proxy in proxies
        }
        direct = _ended(stage, wstest, folder, "directly", f"ws://127.0.0.1:{port}", left_out)
        ended = {
            name: _ended(stage, wstest, folder, name, url, left_out) for name, url in urls.items()
        }
    report.table(
        ("", "cases", "how they ended", "otherwise than directly"),
        [
            ("directly", str(len(direct)), _counts(direct), ""),
            *(
                (
                    f"through {name}",
                    str(len(cases)),
                    _counts(cases),
                    str(len(_others(direct, cases))),
                )
                for name, cases in ended.items()
            ),
        ],
    )
    others = _others(direct, ended[lockgate.NAME])
    report.say(f"{SAME.what}: {len(others)}, {report.bar(SAME, len(others), str(len(others)))}")
    for case in others[:SHOWN]:
        through = ended[lockgate.NAME].get(case)
        report.say(f"- {case}: {direct[case]} directly, {through} through the gateway")
    short = sorted(f"{case} {end}" for case, end in direct.items() if end not in PASSED)
    report.say(f"Less than OK directly: {', '.join(short) or 'none'}")


def _others(direct: Mapping[str, str], cases: Mapping[str, str]) -> list[str]:
    return sorted(case for case in direct if direct[case] != cases.get(case))


def _ended(
    stage: Stage, wstest: str, folder: Path, name: str, url: str, left_out: Sequence[str]
) -> dict[str, str]:
    """How each case ended: `<behaviour of messages>/<behaviour of the close>`."""
    reports = folder / name
    spec = {
        "outdir": str(reports),
        "servers": [{"agent": "testee", "url": url, "options": {"version": 18}}],
        "cases": ["*"],
        "exclude-cases": list(left_out),
        "exclude-agent-cases": {},
    }
    path = folder / f"{reports.name}.json"
    path.write_text(json.dumps(spec), "utf-8")
    subprocess.run(
        pinned(stage.load_core, [wstest, "-m", "fuzzingclient", "-s", str(path)]),
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=ENDS_WITHIN_S,
        check=True,
    )
    index = json.loads((reports / "index.json").read_text("utf-8"))["testee"]
    return {case: f"{end['behavior']}/{end['behaviorClose']}" for case, end in index.items()}


def _counts(cases: dict[str, str]) -> str:
    return ", ".join(f"{count} {end}" for end, count in Counter(cases.values()).most_common())
