"""The bytecodes that policies take: where no route has one, and each alone, with the functions that take most."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.policies.cases import Case
from bench.policies.lockgate_file import file_of
from bench.processes import THIS_TREE, pinned
from bench.stage import Stage

_WITHIN_S = 900
_GATES = "middlewares/gate.py"
_SHOWN = 4

#: By file and name of a function.
_Steps = Counter[tuple[str, str]]


def show(stage: Stage, cases: Sequence[Case]) -> None:
    _show_off(stage, cases)
    _show_each(stage, cases)


def _show_off(stage: Stage, cases: Sequence[Case]) -> None:
    """Nobody should pay for what no route of theirs has."""
    files = {
        "no file": None,
        "a file without these policies": "routes: []\n",
        "a file with all of them, on other routes": file_of(cases),
    }
    rows = []
    for title, text in files.items():
        steps = _counted(stage, text, ["unique"]).get("unique", Counter())
        gates = sum(count for (file, _), count in steps.items() if file.endswith(_GATES))
        rows.append((title, f"{steps.total():.0f}", f"{gates:.0f}"))
    stage.report.title("Bytecodes of a GET on a route without any of these policies")
    stage.report.table(("the gateway has", "bytecodes", "of these, in the gates"), rows)


def _show_each(stage: Stage, cases: Sequence[Case]) -> None:
    """Exact, but for what libraries in C do: the CPU of a coding or of a pattern is not in them."""
    names = dict.fromkeys(name for case in cases for name in (case.base.name, case.name))
    counted = _counted(stage, file_of(cases), list(names))
    rows = []
    for case in cases:
        steps, base = counted.get(case.name), counted.get(case.base.name)
        if steps and base:
            more = Counter(steps)
            more.subtract(base)
            most = ", ".join(
                f"`{name.rpartition('.')[2]}` of {Path(file).parent.name}/{Path(file).stem} {count:.0f}"
                for (file, name), count in more.most_common(_SHOWN)
            )
            rows.append((case.title, f"{more.total():.0f}", most))
    stage.report.title("Bytecodes of each policy, above the same request without it")
    stage.report.table(("policy", "bytecodes more", "most of them in"), rows)


def _counted(stage: Stage, text: str | None, names: Sequence[str]) -> dict[str, _Steps]:
    """The bytecodes of a request of each workload; one that can't be counted is missing."""
    options = ["--versions"]
    if text is not None:
        path = stage.folder / "counted.yaml"
        path.write_text(text)
        options += ["--file", str(path)]
    command = [stage.python, "-m", "bench.profile.counting", *options]
    stage.report.progress("bytecodes")
    try:
        ran = subprocess.run(
            pinned(stage.proxy_core, [*command, str(stage.registry.port), *names]),
            capture_output=True,
            text=True,
            env={**os.environ, **THIS_TREE},
            timeout=_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        stage.report.say(f"no bytecodes: not within {_WITHIN_S} s")
        return {}
    finally:
        stage.report.progress("")
    if ran.returncode:
        stage.report.say(f"no bytecodes: {ran.stderr.strip()[-300:]}")
        return {}
    return {name: _by_function(functions) for name, functions in json.loads(ran.stdout).items()}


def _by_function(functions: Sequence[tuple[float, Sequence[Sequence[str]]]]) -> _Steps:
    found: _Steps = Counter()
    for steps, stack in functions:
        file, name = stack[0]
        found[file, name] += steps  # type: ignore[assignment]  # a mean
    return found
