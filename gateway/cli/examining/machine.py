"""Checks that the gateway runs well on this machine."""

import os
import resource
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from gateway.cli.examining.findings import Finding
from gateway.machine.interpreter import SAVED, description, is_compiled, is_optimised
from gateway.stack.state import is_checkout

FILES_WANTED = 4096
BYTES_WANTED = 64 * 1024 * 1024
_ELSEWHERE = "choose another folder, as with `lockgate serve --data-dir FOLDER`"


def python(of_the_system: Path = Path("/usr/bin")) -> Finding:
    """Check what makes Python quicker; `of_the_system` is where its distribution has others."""
    advice = []
    if without_uvloop := find_spec("uvloop") is None:
        advice.append("pip install uvloop")
    if is_optimised() is False:
        saved = f"the gateway needs {SAVED} less CPU with an optimised build"
        advice.append(f"{saved}: {_an_optimised_build(of_the_system)}")
    detail = f"{description()}, {'without' if without_uvloop else 'with'} uvloop"
    detail += f"; the gateway {'is' if is_compiled() else 'is not'} compiled"
    return Finding("python", "warning" if advice else "ok", detail, "; ".join(advice))


def _an_optimised_build(of_the_system: Path) -> str:
    """Say where to get one on this machine, and how the gateway comes to run on it."""
    install, python = "install one of your distribution or with uv", "it"
    names = [path.name for path in of_the_system.glob("python3.1[1-9]")]
    if names and shutil.which("apt-get"):
        install, python = f"apt-get install {max(names)}-venv", str(of_the_system / max(names))
    elif sys.platform == "darwin":
        install = "brew install python"
    if is_checkout(Path(sys.prefix).parent):
        return f"{install}, remove {sys.prefix}, make install"
    return f"{install}, and make the virtual environment anew with {python}"


def open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Finding("open files", "ok", "no limit")
    if hard < FILES_WANTED:
        return Finding(
            "open files",
            "warning",
            f"the gateway gets at most {hard}; each client and each request under way takes one",
            "raise the hard limit: /etc/security/limits.conf, LimitNOFILE=, --ulimit nofile=",
        )
    return Finding("open files", "ok", f"the gateway raises its own limit to {hard}")


def folder(directory: Path) -> Finding:
    """Check that a start could keep its data, logs and token there."""
    there = next(path for path in (directory, *directory.parents) if os.path.exists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("folder", "failed", f"{directory} can't be written to", _ELSEWHERE)
    free = shutil.disk_usage(there).free
    if free < BYTES_WANTED:
        detail = (
            f"only {free / 1024 / 1024:.0f} MiB are free for {directory}: the registry needs more"
        )
        return Finding("folder", "warning", detail, f"make room there, or {_ELSEWHERE}")
    return Finding("folder", "ok", f"{directory} can be written to")
