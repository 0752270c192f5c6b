"""`--help` of the processes, whose options are variables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.variables import gateway_variables
from gateway.version import VERSION
from middlewares.programs.variables import help_rows
from services.catalogue import MODULES
from services.variables import service_variables
from tests.support.documents import ROOT


def run(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["gateway", "lockgate.gateway"])
def test_the_gateway_names_every_variable_with_its_meaning_and_default(
    tmp_path: Path, module: str
) -> None:
    """The help does not depend on the environment, even with wrong values."""
    done = run(tmp_path, module, "--help", GATEWAY_PORT="nonsense")
    assert (done.returncode, done.stderr) == (0, "")
    shown = " ".join(done.stdout.split())
    assert shown.startswith(f"Usage: python -m {module} [OPTIONS]")
    for variable, about in help_rows(gateway_variables()):
        assert f"{variable} {about}" in shown


def test_the_services_name_themselves_and_every_variable(tmp_path: Path) -> None:
    done = run(tmp_path, "services", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    shown = " ".join(done.stdout.split())
    assert shown.startswith("Usage: python -m services [OPTIONS] NAME")
    assert all(name in shown for name in MODULES)
    for variable, about in help_rows(service_variables()):
        assert f"{variable} {about}" in shown


@pytest.mark.parametrize("module", ["gateway", "lockgate.gateway", "services", "lockgate"])
def test_the_version_is_told(tmp_path: Path, module: str) -> None:
    done = run(tmp_path, module, "--version")
    assert (done.returncode, done.stdout) == (0, f"lockgate {VERSION}\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("gateway", "prices"),
            "lockgate: Got unexpected extra argument (prices); try `python -m gateway --help`",
        ),
        (
            ("gateway", "--port", "8080"),
            "lockgate: No such option '--port'; try `python -m gateway --help`",
        ),
        (
            ("lockgate", "gateway", "--port"),
            "lockgate: No such option '--port'; try `lockgate gateway --help`",
        ),
        (("lockgate", "nope"), "lockgate: No such command 'nope'; try `lockgate --help`"),
        *(
            (
                ("lockgate", typed),
                f"lockgate: No such command {typed!r}. Did you mean {meant!r}?; try `lockgate --help`",
            )
            for typed, meant in (("regster", "register"), ("service", "services"))
        ),
        (
            ("lockgate", "serve", "--port", "80x"),
            (
                "lockgate: Invalid value for '--port': '80x' must be a whole number from 0 to 65535; "
                "try `lockgate serve --help`"
            ),
        ),
        (
            ("lockgate", "register", "--name", "orders", "--port", "1", "--ttl", "x", "--", "true"),
            "lockgate: Invalid value for '--ttl': 'x' must be a number; try `lockgate register --help`",
        ),
        (
            ("lockgate", "drain", "orders", "--wait", "61"),
            (
                "lockgate: Invalid value for '--wait': '61' must be a number from 0 to 60; "
                "try `lockgate drain --help`"
            ),
        ),
        (
            ("lockgate", "register", "--name", "orders", "--", "true"),
            "lockgate: Missing option '--port'; try `lockgate register --help`",
        ),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_answered_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    """The gateway ignored the arguments and started."""
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")
