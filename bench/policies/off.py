"""What the policies cost where no route has one: the bytecodes of a request, with and without a file."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.policies.cases import NONE, Case
from bench.policies.lockgate_file import file_of
from bench.processes import THIS_TREE, StartError, pinned
from bench.stage import Stage

_WITHIN_S = 120
_GATES = "middlewares/gate.py"


def show(stage: Stage, cases: Sequence[Case]) -> None:
    files = {
        "no file": None,
        "a file without these policies": "routes: []\n",
        "a file with all of them, on other routes": file_of(cases).replace(
            f"name: {NONE},", "name: left-out,"
        ),
    }
    rows = []
    for title, text in files.items():
        path = None
        if text is not None:
            path = stage.folder / "off.yaml"
            path.write_text(text)
        whole, gates = _counted(stage, path)
        rows.append((title, f"{whole:.0f}", f"{gates:.0f}"))
    stage.report.title("Bytecodes of a GET on a route without any of these policies")
    stage.report.table(("the gateway has", "bytecodes", "of these, in the gates"), rows)


def _counted(stage: Stage, file: Path | None) -> tuple[float, float]:
    """The bytecodes of a request, and those of them that the gates take."""
    command = [stage.python, "-m", "bench.profile.counting"]
    command += [*(["--file", str(file)] if file else []), str(stage.registry.port), "unique"]
    stage.report.progress("bytecodes")
    ran = subprocess.run(
        pinned(stage.proxy_core, command),
        capture_output=True,
        text=True,
        env={**os.environ, **THIS_TREE},
        timeout=_WITHIN_S,
        check=False,
    )
    stage.report.progress("")
    if ran.returncode:
        raise StartError(ran.stderr.strip()[-600:])
    functions = json.loads(ran.stdout)["unique"]
    gates = [steps for steps, stack in functions if stack[0][0].endswith(_GATES)]
    return sum(steps for steps, _ in functions), sum(gates)
