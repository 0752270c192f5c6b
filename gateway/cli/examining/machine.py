"""Whether this machine is one that the gateway runs well on."""

import platform
import resource
import sysconfig
from importlib.util import find_spec

from gateway.cli.examining.findings import Finding

FILES_WANTED = 4096


def python() -> Finding:
    version = platform.python_version()
    if find_spec("uvloop") is None:
        return Finding("python", "warning", f"{version}, without uvloop", "pip install uvloop")
    if "-fprofile-use" not in str(sysconfig.get_config_var("PY_CORE_CFLAGS")):
        detail = f"{version} with uvloop; not an optimised build, which would save a tenth"
        return Finding("python", "ok", detail)
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
