"""Which Python `.ci/create-venv` takes for .venv, where several are at hand."""

import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OPTIMISED = "'--enable-optimizations'"
FROM_SOURCE = "'--prefix=/opt/python'"
# Runs the code that it is given on a build with these arguments, which lacks these modules.
AS_BUILT = """
import sys, sysconfig
sysconfig.get_config_vars()["CONFIG_ARGS"] = {arguments!r}
sysconfig.get_scheme_names = lambda: ()
sys.base_prefix = "/opt/python"
sys.modules.update(dict.fromkeys({without!r}))
exec(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A checkout, and Pythons in `path` and in `system`, which is taken for /usr/bin."""

    folder: Path

    def has(
        self, *names: str, arguments: str = FROM_SOURCE, without: Iterable[str] = ()
    ) -> "Machine":
        """Put Pythons there, each of which makes a .venv that has its name."""
        code = shlex.quote(AS_BUILT.format(arguments=arguments, without=list(without)))
        for name in names:
            self._write(
                name,
                f"echo {name} >> {self.folder}/started",
                f'if [ "$1" = -m ]; then echo {name} > .venv; exit; fi',
                f'exec {sys.executable} -c {code} "$2"',
            )
        return self

    def has_too_old(self, *names: str) -> "Machine":
        for name in names:
            self._write(name, "exit 1")
        return self

    def _write(self, name: str, *lines: str) -> None:
        path = self.folder / name
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)

    def create_venv(self, python: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [".ci/create-venv", python],
            cwd=self.folder / "checkout",
            env={"PATH": f"{self.folder}/path"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def takes(self, name: str, python: str = "") -> str:
        """Check which one .venv is made with; returns what standard error says."""
        done = self.create_venv(python)
        assert done.returncode == 0, done.stderr
        assert (self.folder / "checkout" / ".venv").read_text() == f"{name}\n"
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("path", "system", "checkout/.ci"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "checkout" / "gateway").symlink_to(ROOT / "gateway")
    script = tmp_path / "checkout" / ".ci" / "create-venv"
    text = (ROOT / ".ci" / "create-venv").read_text()
    assert "/usr/bin/" in text
    script.write_text(text.replace("/usr/bin/", f"{tmp_path}/system/"))
    script.chmod(0o755)
    return Machine(tmp_path)


def test_an_optimised_one_is_taken_before_the_first(machine: Machine) -> None:
    machine.has("path/python3", "path/python3.12").has("path/python3.13", arguments=OPTIMISED)
    assert machine.takes("path/python3.13") == ""


def test_of_several_optimised_ones_the_first_is_taken(machine: Machine) -> None:
    machine.has("path/python3").has_too_old("path/python3.14")
    machine.has("path/python3.12", "path/python3.13", "system/python3", arguments=OPTIMISED)
    assert machine.takes("path/python3.13") == ""


def test_without_an_optimised_one_the_first_is_taken(machine: Machine) -> None:
    machine.has_too_old("path/python3").has("path/python3.12", "path/python3.11", "system/python3")
    assert machine.takes("path/python3.12") == ""


@pytest.mark.parametrize("arguments", [FROM_SOURCE, OPTIMISED])
def test_python3_alone_is_enough(arguments: str, machine: Machine) -> None:
    assert machine.has("path/python3", arguments=arguments).takes("path/python3") == ""


@pytest.mark.parametrize("name", ["python3", "python3.12"])
def test_the_systems_is_found_behind_those_that_come_first_in_path(
    name: str, machine: Machine
) -> None:
    """The shims of pyenv hid Debian's, which takes less CPU."""
    machine.has("path/python3", "path/python3.11", "path/python")
    machine.has(f"system/{name}", arguments=OPTIMISED)
    assert machine.takes(f"system/{name}") == ""


def test_an_optimised_one_that_can_make_no_venv_is_named_and_another_is_taken(
    machine: Machine,
) -> None:
    machine.has("path/python3")
    machine.has("system/python3", arguments=OPTIMISED, without=["ensurepip"])
    said = machine.takes("path/python3")
    assert f"{machine.folder}/system/python3 lacks the module venv or ensurepip" in said
    assert "apt-get install python3-venv" in said
    assert "remove .venv" in said
    assert len(said.splitlines()) == 1


def test_it_is_not_named_where_another_optimised_one_is_taken(machine: Machine) -> None:
    machine.has("path/python3", arguments=OPTIMISED, without=["ensurepip"])
    machine.has("system/python3", arguments=OPTIMISED)
    assert machine.takes("system/python3") == ""


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
@pytest.mark.parametrize("arguments", [FROM_SOURCE, OPTIMISED])
def test_where_none_can_make_a_venv_it_says_what_to_install(
    arguments: str, module: str, machine: Machine
) -> None:
    machine.has_too_old("path/python3").has(
        "path/python3.11", arguments=arguments, without=[module]
    )
    done = machine.create_venv()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.returncode == 1
    assert "python3.11 lacks the module venv or ensurepip" in done.stderr
    assert f"apt-get install python3-venv (or python{version}-venv)" in done.stderr


def test_where_all_are_too_old_it_says_so(machine: Machine) -> None:
    done = machine.has_too_old("path/python3", "system/python3").create_venv()
    assert done.returncode == 1
    assert "no Python found is not Python 3.11 or newer" in done.stderr


def test_the_one_that_is_given_is_taken_whatever_its_build(machine: Machine) -> None:
    machine.has("path/python3", "path/mine").has("system/python3", arguments=OPTIMISED)
    assert machine.takes("path/mine", "mine") == ""


def test_none_is_started_more_than_twice(machine: Machine) -> None:
    machine.has("path/python3", "path/python3.12").has("system/python3", arguments=OPTIMISED)
    machine.takes("system/python3")
    started = (machine.folder / "started").read_text().split()
    assert started == ["path/python3", "path/python3.12", "system/python3", "system/python3"]
