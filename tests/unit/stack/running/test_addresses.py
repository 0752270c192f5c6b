"""Where commands look for the gateway of a stack."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli.gateway_client import find_gateway
from gateway.stack.failures import UsageError
from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.running.addresses import admin_url
from gateway.stack.state import StackRecord, StackState


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        *(("127.0.0.1:9090", "http://127.0.0.1:9090"), ("host:9090", "http://host:9090")),
        *(("0.0.0.0:9090", "http://127.0.0.1:9090"), ("[::]:9090", "http://[::1]:9090")),
        *(("[::1]:9090", "http://[::1]:9090"), ("::1:9090", "http://[::1]:9090")),
        *(("unix:/run/admin", "unix:/run/admin"), ("", "")),
    ],
)
def test_the_admins_address_is_one_that_is_reached_from_here(listen: str, url: str) -> None:
    assert admin_url({"ADMIN_LISTEN": listen}) == url


@pytest.mark.parametrize(
    ("environment", "url"),
    [({}, "http://127.0.0.1:8080"), ({"ADMIN_LISTEN": "unix:/run/admin"}, "unix:/run/admin")],
)
def test_the_gateway_of_a_stack_is_asked_where_it_shows_its_inside(
    environment: Mapping[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the admin has another port, the public one answers 404."""
    monkeypatch.setenv("ADMIN_LISTEN", "127.0.0.1:1")  # not the running gateway's
    state = StackState(tmp_path)
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8080, (), environment, "0.0.0.0")
    state.save_record(StackRecord((gateway,), "", "", 15))

    assert find_gateway(state, 0, None, None).url == url


def test_without_a_stack_the_environment_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_LISTEN", "127.0.0.1:9090")

    assert find_gateway(StackState(tmp_path), 0, None, None).url == "http://127.0.0.1:9090"


def test_a_url_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must begin with http://, https:// or unix:/"):
        find_gateway(StackState(tmp_path), 0, "unix:admin", None)
