"""The environment that the Makefile gives to the programs that it starts."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def shown(variable: str, *said: str, **environment: str) -> str:
    """What a program that the Makefile starts has in this variable."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", f"show: ; @echo $${variable}", "show", *said],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("given", ["", "0"])
def test_python_reads_what_pip_wrote_whatever_the_locale(given: str) -> None:
    """Below an accented directory, in a Latin-1 locale, no module of the project could be imported."""
    assert shown("PYTHONUTF8", PYTHONUTF8=given) == "1"


def test_a_configuration_file_is_named_on_the_command_line() -> None:
    assert shown("GATEWAY_CONFIG", "CONFIG=my shop.yaml") == "my shop.yaml"
    assert shown("GATEWAY_CONFIG", "CONFIG=a.yaml", GATEWAY_CONFIG="b.yaml") == "a.yaml"
    assert shown("GATEWAY_CONFIG", GATEWAY_CONFIG="b.yaml") == "b.yaml"
    # It may be another program's.
    assert shown("GATEWAY_CONFIG", CONFIG="Debug") == ""
