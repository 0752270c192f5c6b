"""Installs the wheel as users do, to run it in folders outside this checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.support.containers import copy_build_context


@dataclass(frozen=True, slots=True)
class Install:
    """A virtual environment with Lockgate in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def lockgate(self) -> Path:
        return self.folder / "bin" / "lockgate"

    @property
    def site_packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(
        self, cwd: Path, command: str, *arguments: str, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run `command` (`python` or `lockgate`) in an environment with only `variables`."""
        return subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def environment(**variables: str) -> dict[str, str]:
    """An environment without the tests' own variables, whose paths contain this checkout."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | variables


def build_wheel(folder: Path) -> Path:
    """Build this checkout's wheel from a copy, so that no files are left behind here."""
    source, wheels = folder / "source", folder / "wheels"
    copy_build_context(source)
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source))
    shutil.rmtree(source)
    (wheel,) = wheels.iterdir()
    return wheel


def install_bare(folder: Path, wheel: Path) -> Install:
    """Run `pip install lockgate` in an empty environment."""
    install = _empty(folder)
    pip("--python", str(install.python), "install", "--quiet", str(wheel))
    return install


def install_full(folder: Path, wheel: Path) -> Install:
    """Install the wheel and borrow the extra from the tests' own environment, without a download."""
    install = _empty(folder)
    pip("--python", str(install.python), "install", "--quiet", "--no-deps", str(wheel))
    borrowed = install.site_packages / "borrowed.pth"  # .pth files in it are not read
    borrowed.write_text(f"{sysconfig.get_path('purelib')}\n")
    return install


def install_as_told(folder: Path, wheel: Path) -> Install:
    """Install as the tutorial says, with pip for whatever else the reader installs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip(
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "--quiet",
        f"{wheel}[gateway,embedded]",
    )
    return Install(folder)


def _empty(folder: Path) -> Install:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return Install(folder)


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
