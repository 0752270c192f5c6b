"""The host that is registered: ADVERTISE_HOST, or with ADVERTISE_OWN_ADDRESS this machine's address."""

import socket

import pytest
from structlog.testing import capture_logs

from discovery.announcing.advertising import advertised_host, own_address
from discovery.model.errors import SettingsError

#: An address that nobody has (RFC 5737), reached by the default route.
ELSEWHERE = "192.0.2.1"


@pytest.fixture
def own() -> str:
    """The address by which this machine reaches others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((ELSEWHERE, 9))
        except OSError:
            pytest.skip("this machine has no route to others")
        return str(sock.getsockname()[0])


@pytest.mark.parametrize(
    "flag", [{}, {"ADVERTISE_OWN_ADDRESS": "0"}, {"ADVERTISE_OWN_ADDRESS": ""}]
)
def test_without_the_flag_it_is_the_name(flag: dict[str, str]) -> None:
    url = f"redis://{ELSEWHERE}:6379/0"

    assert advertised_host(url, flag) == "localhost"
    assert advertised_host(url, flag | {"ADVERTISE_HOST": "orders"}) == "orders"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://{ELSEWHERE}:6379/0",
        f"rediss://user:secret@{ELSEWHERE}/0",
        f"redis+sentinel://{ELSEWHERE}:26379,{ELSEWHERE}:26380/mymaster",
        f"redis+cluster://127.0.0.1:7000,{ELSEWHERE}:7000",
        f"http://{ELSEWHERE}:8080",
    ],
)
def test_with_it_a_replica_registers_the_address_by_which_it_reaches_the_registry(
    own: str, url: str
) -> None:
    """Three replicas that registered the name `orders` had one address for the gateway, and any answered."""
    environment = {"ADVERTISE_OWN_ADDRESS": "1", "ADVERTISE_HOST": "orders"}

    assert advertised_host(url, environment) == own


def test_where_the_registry_has_ipv6_too_the_address_is_one_at_which_containers_listen(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that listened at 0.0.0.0 registered an IPv6 address and was never healthy.

    If no route led to the first address, the others were not tried.
    """
    kind = (socket.SOCK_DGRAM, 17, "")
    both = [
        (socket.AF_INET6, *kind, ("2001:db8::1", 6379, 0, 0)),
        (socket.AF_INET, *kind, (ELSEWHERE, 6379)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    assert own_address("redis://registry:6379/0") == own


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://[::1]:6379/0",
        "unix:///run/registry.sock",
        "redis://no-such-host.invalid:6379/0",
    ],
)
def test_an_address_that_no_other_machine_could_use_is_not_registered(url: str) -> None:
    environment = {"ADVERTISE_OWN_ADDRESS": "true", "ADVERTISE_HOST": "orders"}

    with capture_logs() as logs:
        assert advertised_host(url, environment) == "orders"

    assert own_address(url) is None
    assert [log["event"] for log in logs] == ["announce.own_address_unknown"]


def test_a_flag_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="ADVERTISE_OWN_ADDRESS='maybe': must be 1 or 0"):
        advertised_host("redis://registry/0", {"ADVERTISE_OWN_ADDRESS": "maybe"})
