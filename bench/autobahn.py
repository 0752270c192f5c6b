"""Autobahn's WebSocket cases (a suite that others wrote) through the gateway, and past it.

The suite runs on Python 2.7 alone: `bench/make-venv` installs it where it finds one, else `wstest`
on PATH is taken. Behind the gateway stands an aiohttp server; what that one does not pass directly
is no fault of a tunnel.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.peers import lockgate
from bench.peers.peer import WHEELS
from bench.processes import Running, free_port, pinned
from bench.report import Bar
from bench.stage import Stage

#: Cases of size, and most of compression: many minutes, and no other frames to a tunnel.
LEFT_OUT = ["9.*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", *(f"13.{n}.*" for n in range(2, 8))]
ENDS_WITHIN_S = 420.0
SAME = Bar("Autobahn cases that end otherwise through the gateway than directly", 0)

ECHO = "echo"
SHOWN = 20


def run(stage: Stage) -> None:
    report = stage.report
    report.title("Autobahn's WebSocket cases")
    wstest = shutil.which("wstest", path=f"{WHEELS}/py2/bin") or shutil.which("wstest")
    if wstest is None:
        report.say("wstest is not installed: see bench/make-venv")
        return
    port = free_port()
    server = [sys.executable, "-m", "bench.websocket_echo", str(port)]
    here = {"PYTHONPATH": str(Path(__file__).parents[1].resolve())}
    folder = stage.folder / "autobahn"
    with (
        Running(server, core=stage.load_core, folder=folder, port=port, environment=here),
        stage.proxies(stage.chosen(lockgate.NAME)) as (proxy,),
    ):
        lockgate.register(proxy.port, ECHO, port)
        time.sleep(1)  # its first probe
        urls = {
            "directly": f"ws://127.0.0.1:{port}",
            "through Lockgate": f"ws://127.0.0.1:{proxy.port}/api/{ECHO}/",
        }
        ended = {name: _cases(stage, wstest, folder, name, url) for name, url in urls.items()}
    direct, through = ended.values()
    report.table(
        ("", "cases", "how they ended"),
        [(name, str(len(cases)), _counts(cases)) for name, cases in ended.items()],
    )
    others = sorted(case for case in direct if direct[case] != through.get(case))
    report.say(f"{SAME.what}: {len(others)}, {report.bar(SAME, len(others), str(len(others)))}")
    for case in others[:SHOWN]:
        report.say(f"- {case}: {direct[case]} directly, {through.get(case)} through the gateway")


def _cases(stage: Stage, wstest: str, folder: Path, name: str, url: str) -> dict[str, str]:
    """How each case ended: `<behaviour of messages>/<behaviour of the close>`."""
    reports = folder / name.replace(" ", "-")
    left_out = [*LEFT_OUT, "1.*", "5.*", "6.*"] if stage.quick else LEFT_OUT
    spec = {
        "outdir": str(reports),
        "servers": [{"agent": "testee", "url": url, "options": {"version": 18}}],
        "cases": ["*"],
        "exclude-cases": left_out,
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
