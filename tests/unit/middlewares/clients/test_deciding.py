"""Who the client is, whom to believe about it, and by which key its requests are counted."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.clients.deciding import (
    Met,
    TrustedProxies,
    client_of,
    limit_key,
    parse_address,
)

TRUSTED = TrustedProxies.parse("10.0.0.0/8, fd00::/8, 192.0.2.7")


def its_client(trusted: TrustedProxies, peer: str, forwarded_for: Sequence[str]) -> str:
    return client_of(trusted.met(peer) or Met(peer, False), forwarded_for, trusted.met)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
    ],
)
def test_an_address_is_read_in_every_spelling_of_the_field(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize(
    "text", ["", "unknown", "_hidden", "192.0.2", "192.0.2.256", "host:80", "[]"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@given(st.text(max_size=30))
def test_whatever_a_client_sends_nothing_is_raised(text: str) -> None:
    parse_address(text)
    its_client(TRUSTED, "10.0.0.1", [text])
    limit_key(text)


# Trust


def test_networks_and_single_addresses_are_trusted() -> None:
    trusted = ["10.1.2.3", "fd12::1", "192.0.2.7", "::ffff:10.0.0.1"]
    assert all(TRUSTED.trusts(peer) for peer in trusted)
    assert not any(TRUSTED.trusts(peer) for peer in ["11.0.0.1", "192.0.2.8", "::1", "", "unix"])


def test_nobody_is_trusted_unless_said() -> None:
    assert TrustedProxies.parse(" ,") == TrustedProxies()
    assert not TrustedProxies().trusts("127.0.0.1")


@pytest.mark.parametrize("bad", ["10.0.0.1/8", "proxy", "10.0.0.0/8;10.1.0.0/16", "1.2.3.4/33"])
def test_what_is_no_network_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=bad.partition(";")[0].partition("/")[0]):
        TrustedProxies.parse(f"127.0.0.1, {bad}")


# The client


@pytest.mark.parametrize("claimed", [[], ["192.0.2.9"], ["10.0.0.9, 192.0.2.9"], ["x"]])
def test_a_peer_that_is_not_trusted_is_the_client_whatever_it_claims(claimed: list[str]) -> None:
    assert its_client(TRUSTED, "198.51.100.1", claimed) == "198.51.100.1"
    assert its_client(TrustedProxies(), "10.0.0.1", claimed) == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        (["203.0.113.5"], "203.0.113.5"),
        (["198.51.100.66, 203.0.113.5"], "203.0.113.5"),
        (["198.51.100.66", "203.0.113.5"], "203.0.113.5"),
        (["203.0.113.5, 10.0.0.2, fd00::2"], "203.0.113.5"),
        (["198.51.100.66, 203.0.113.5,10.0.0.2"], "203.0.113.5"),
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["[2001:db8::5]:4711"], "2001:db8::5"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["203.0.113.5, unknown"], "10.0.0.1"),
        (["203.0.113.5, unknown, 10.0.0.2"], "10.0.0.2"),
        (["203.0.113.5, "], "203.0.113.5"),
        ([",203.0.113.5,, ,10.0.0.2,", "", "\t, "], "203.0.113.5"),
        (["198.51.100.66, unknown,, "], "10.0.0.1"),
    ],
)
def test_behind_a_trusted_peer_it_is_the_right_most_address_that_is_not_trusted(
    forwarded_for: list[str], client: str
) -> None:
    """Addresses are read from the right, since a client may write anything at the left. Addresses to the
    left of an invalid one can't be believed; empty elements are ignored (RFC 9110 §5.6.1)."""
    assert its_client(TRUSTED, "10.0.0.1", forwarded_for) == client


def test_a_peer_without_an_address_stays_what_it_is() -> None:
    assert its_client(TRUSTED, "", ["203.0.113.5"]) == ""


def test_an_ipv4_peer_of_a_dual_stack_socket_is_an_ipv4_client() -> None:
    assert its_client(TRUSTED, "::ffff:198.51.100.1", []) == "198.51.100.1"


# What is counted


@pytest.mark.parametrize(
    ("client", "key"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
    ],
)
def test_ipv4_clients_are_counted_each_and_ipv6_clients_by_their_64(client: str, key: str) -> None:
    assert limit_key(client) == key


@given(st.from_regex(r"[0-9.]{1,16}", fullmatch=True) | st.ip_addresses(v=4).map(str))
def test_an_ipv4_address_is_read_as_the_library_reads_it(text: str) -> None:
    try:
        expected: object = ipaddress.IPv4Address(text)
    except ValueError:
        expected = None
    assert parse_address(text) == expected


def test_the_trusted_networks_are_taken_apart_once() -> None:
    """A cached property was not cached in the compiled build: each address took them apart."""
    proxies = TrustedProxies.parse("10.0.0.0/8, fd00::/8, 192.0.2.7")

    assert proxies._ipv4 is proxies._ipv4
    assert proxies == TrustedProxies(proxies.networks)
    assert hash(proxies) == hash(TrustedProxies(proxies.networks))
