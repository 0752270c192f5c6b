"""Checks that the gateway runs well on this machine."""

import os
import platform
import resource
import shutil
from importlib.util import find_spec
from pathlib import Path

from gateway.cli.examining.findings import Finding

FILES_WANTED = 4096
BYTES_WANTED = 64 * 1024 * 1024
_ELSEWHERE = "choose another folder, as with `lockgate serve --data-dir FOLDER`"


def python() -> Finding:
    version = platform.python_version()
    if find_spec("uvloop") is None:
        return Finding("python", "warning", f"{version}, without uvloop", "pip install uvloop")
    return Finding("python", "ok", f"{version} with uvloop")


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
