"""Which registry `lockgate register` means: the environment's, else the one of what runs here."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from discovery.model.settings import (
    DEFAULT_REDIS_URL,
    VARIABLES,
    RegistrySettings,
    without_password,
)
from gateway.cli.options import stack_found
from gateway.machine.port_holders import stack_that_has
from gateway.machine.ports import answers
from gateway.stack.plan import GATEWAY, REGISTRY, REGISTRY_PORT
from gateway.stack.registry.ping import default_url
from gateway.stack.running.absence import elsewhere, none_served, nothing_runs
from gateway.stack.running.finding import runs
from gateway.stack.state import StackRecord, StackState

_URL, _NAMESPACE = VARIABLES["redis_url"], VARIABLES["namespace"]


def registry_settings(
    port_offset: str, data_dir: Path | None, *, say: Callable[[str], None]
) -> RegistrySettings:
    """The environment's settings; if it names no registry, with that of the stack that is meant.

    `say` gets what the person may not expect.
    """
    offset, state = stack_found(port_offset, data_dir)
    record, given = state.load_record(), os.environ.get(_URL)
    if record is None:
        url = given or default_url(REGISTRY_PORT + offset)
        if not given:
            others = elsewhere(state, Path.cwd())
            if others:
                say(f"nothing was started in {state.directory}; {others}")
            _tell_whose(url, "" if others else none_served(Path.cwd()), say)
        return _with({_URL: url})
    if given and given != record.registry_url:
        if runs(state):
            say(f"{_URL} is set: {without_password(given)}, not {_registry_of(state, record)}")
        return _with({})
    namespace = _namespace(record)
    if not given and (record.registry_url != DEFAULT_REDIS_URL or namespace):
        within = "".join(f", namespace {name}" for name in namespace.values())
        say(_registry_of(state, record) + within)
    if not given and _has_own(record) and not runs(state):
        _tell_whose(record.registry_url, f"nothing runs with {state.directory} now", say)
    return _with({_URL: record.registry_url, **namespace})


def registry_by_now(port_offset: str, data_dir: Path | None) -> RegistrySettings | None:
    """Settings with the stack's present registry; None if the environment names one, or no stack does."""
    if os.environ.get(_URL):
        return None
    record = stack_found(port_offset, data_dir)[1].load_record()
    return _with({_URL: record.registry_url, **_namespace(record)}) if record else None


def what_to_start(port_offset: str, data_dir: Path | None) -> str:
    """What to start if no registry answers; empty if the environment names one, or the stack runs."""
    if os.environ.get(_URL):
        return ""
    _, state = stack_found(port_offset, data_dir)
    record = state.load_record()
    if runs(state) or (record is not None and not _has_own(record)):
        return ""
    return nothing_runs(state, Path.cwd(), takes_data_dir=True)


def _tell_whose(url: str, why: str, say: Callable[[str], None]) -> None:
    """Say which registry is used if nobody named one; if it does not answer, that is said later."""
    port = urlsplit(url).port or REGISTRY_PORT
    if not answers(port):
        return
    owner = stack_that_has(port)
    belongs = f", which belongs to {owner}" if owner else ""
    say(
        f"{why}{': ' if why else ''}using the registry at {url}{belongs}. If that is not yours, "
        "change into the folder of your serve, or give --data-dir FOLDER"
    )


def _has_own(record: StackRecord) -> bool:
    return any(spec.service == REGISTRY for spec in record.processes)


def _with(variables: dict[str, str]) -> RegistrySettings:
    return RegistrySettings.from_env({**os.environ, **variables})


def _registry_of(state: StackState, record: StackRecord) -> str:
    return f"the registry of {state.directory}: {without_password(record.registry_url)}"


def _namespace(record: StackRecord) -> dict[str, str]:
    """The stack's namespace, if it has one and the environment has none."""
    gateway = next(spec for spec in record.processes if spec.service == GATEWAY)
    name = gateway.environment.get(_NAMESPACE)
    return {_NAMESPACE: name} if name and not os.environ.get(_NAMESPACE) else {}
