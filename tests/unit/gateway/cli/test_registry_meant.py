"""Which registry `lockgate register` uses, and what it says about that."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.registry_meant import registry_settings
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec
from gateway.stack.running.serving import Serving
from gateway.stack.state import StackRecord, StackState, stack_state

OWN, ANOTHER = "redis://127.0.0.1:7001/0", "redis://127.0.0.1:7002/0"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackState]:
    """A `lockgate serve` in the folder of the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("REGISTRY_NAMESPACE", raising=False)
    state = stack_state(tmp_path, 0)
    state.prepare()
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8080, (), {"REGISTRY_NAMESPACE": "shop"})
    state.save_record(StackRecord((gateway,), OWN, "", 15))
    serving = Serving.claim(state)
    assert serving is not None
    with serving:
        yield state


def meant(offset: str = "0") -> tuple[str, str, list[str]]:
    """The URL, the namespace and the messages."""
    said: list[str] = []
    settings = registry_settings(offset, None, say=said.append)
    return settings.redis_url, settings.namespace, said


def test_that_of_what_runs_here_with_its_namespace(served: StackState) -> None:
    """In the default namespace the program was found by no gateway."""
    said = f"the registry of {served.directory}: {OWN}, namespace shop"
    assert meant() == (OWN, "shop", [said])


@pytest.mark.usefixtures("served")
def test_a_namespace_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_NAMESPACE", "mall")
    url, namespace, said = meant()
    assert (url, namespace) == (OWN, "mall")
    assert ", namespace" not in said[0]


def test_a_registry_of_the_environment_comes_first_and_that_is_said_once(
    served: StackState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", ANOTHER)
    said = f"REDIS_URL is set: {ANOTHER}, not the registry of {served.directory}: {OWN}"
    assert meant() == (ANOTHER, "default", [said])


@pytest.mark.usefixtures("served")
def test_the_same_registry_in_the_environment_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", OWN)
    assert meant() == (OWN, "shop", [])


def test_of_one_that_ran_here_once_nothing_is_said_where_the_environment_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = stack_state(tmp_path, 0)
    state.prepare()
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8080, ())
    state.save_record(StackRecord((gateway,), OWN, "", 15))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", ANOTHER)
    assert meant() == (ANOTHER, "default", [])


def test_of_one_that_ran_here_once_it_is_told_that_another_has_its_port_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    state = stack_state(tmp_path, 0)
    state.prepare()
    with socket.create_server(("127.0.0.1", 0)) as another:
        port = another.getsockname()[1]
        url = f"redis://127.0.0.1:{port}/0"
        processes = (
            ProcessSpec(REGISTRY, REGISTRY, port, ()),
            ProcessSpec(GATEWAY, GATEWAY, 1, ()),
        )
        state.save_record(StackRecord(processes, url, "", 15))
        assert meant()[2][-1] == (
            f"nothing runs with {state.directory} now: using the registry at {url}. If that is not "
            "yours, change into the folder of your serve, or give --data-dir FOLDER"
        )


@pytest.mark.usefixtures("served")
def test_what_runs_at_another_offset_is_told() -> None:
    url, _, said = meant("500")
    assert url == "redis://127.0.0.1:6879/0"
    assert "runs at port offset 0: --port-offset 0" in said[0]
