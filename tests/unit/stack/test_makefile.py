"""The environment that the Makefile gives to the programs that it starts."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("given", ["", "0"])
def test_python_reads_what_pip_wrote_whatever_the_locale(given: str) -> None:
    """Below an accented directory, in a Latin-1 locale, no module of the project could be imported."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": given}
    rule = "show: ; @echo $$PYTHONUTF8"
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", rule, "show"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == "1"
