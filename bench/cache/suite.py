"""http-cache-tests: cases for shared caches that others wrote, with a client and an origin for Node."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers.peer import WHEELS
from bench.processes import Running, free_port, pinned

PACKAGE = WHEELS / "node" / "node_modules" / "http-cache-tests"
RUNNER = Path(__file__).with_name("run_suite.mjs")
ENDS_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Case:
    """A case, and how it ended. `kind`: required, optimal, or check, where no answer is wrong.

    `wrong` is what was not as expected; empty if all was.
    """

    suite: str
    id: str
    kind: str
    name: str
    depends_on: Sequence[str]
    wrong: str


#: The suite that is not of the package: see more_cases.mjs.
OURS = "more"


class SuiteError(Exception):
    """The suite did not come to its end; the message is what Node said last."""


def is_there() -> bool:
    return PACKAGE.is_dir() and shutil.which("node") is not None


def version() -> str:
    return str(json.loads((PACKAGE / "package.json").read_text())["version"])


def origin(core: int, folder: Path) -> Running:
    """The suite's own origin, which also answers `/small`, as the others do."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small").write_text("small")
    return Running(
        ["node", str(PACKAGE / "server" / "server.mjs")],
        core=core,
        folder=folder,
        port=port,
        environment={
            "npm_config_protocol": "http",
            "npm_config_port": str(port),
            "npm_config_pidfile": str(folder / "pid"),
        },
    )


def judged(port: int, core: int) -> list[Case]:
    """Run all cases against the cache at this port. Raises SuiteError."""
    command = ["node", "--no-warnings", str(RUNNER), str(PACKAGE), f"http://127.0.0.1:{port}"]
    try:
        ran = subprocess.run(
            pinned(core, command),
            capture_output=True,
            text=True,
            env=dict(os.environ),
            timeout=ENDS_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SuiteError(f"it did not end within {ENDS_WITHIN_S:g} s") from error
    if ran.returncode:
        raise SuiteError(ran.stderr.strip()[-600:])
    return [Case(**case) for case in json.loads(ran.stdout.splitlines()[-1])]


def passed(cases: Sequence[Case]) -> Mapping[str, bool]:
    """Whether each case passed. One whose preconditions did not hold has shown nothing, so it did not."""
    by_id = {case.id: case for case in cases}

    def holds(case: Case) -> bool:
        return not case.wrong and all(holds(by_id[other]) for other in case.depends_on)

    return {case.id: holds(case) for case in cases}
