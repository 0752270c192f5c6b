"""Addresses that are never connected to, in any spelling, and what an operator can allow."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.addresses import (
    AddressPolicy,
    AllowedHosts,
    IPAddress,
    listeners,
    plain_addresses,
    why_never,
)
from discovery.model.errors import SettingsError

address = ipaddress.ip_address

#: One address of each kind, and the edges of the ranges.
NEVER = {
    "169.254.169.254": "link-local",
    "169.254.0.0": "link-local",
    "169.254.255.255": "link-local",
    "fe80::1": "link-local",
    "febf:ffff::1": "link-local",
    "fd00:ec2::254": "cloud metadata",
    "fd00:ec2::23": "cloud metadata",
    "fd00:ec2::123": "cloud metadata",
    "fd20:ce::254": "cloud metadata",
    "fd00:42::42": "cloud metadata",
    "fd00:c1::a9fe:a9fe": "cloud metadata",
    "fd00:a9fe:a9fe::1": "cloud metadata",
    "100.100.100.200": "cloud metadata",
    "168.63.129.16": "cloud metadata",
    "192.0.0.192": "cloud metadata",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "255.255.255.255": "multicast",
    "ff02::1": "multicast",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "::": "unspecified",
}
FINE = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "1.1.1.1"]
FINE += ["169.253.255.255", "169.255.0.0", "223.255.255.255", "1.0.0.0", "2606:4700::1"]
FINE += [
    "fd00:ec3::254",
    "fd20:ce::253",
    "64:ff9b:1::a00:1",
    "64:ff9b:1:a00::100:0",
    "2002:a00:1::",
]
FINE += ["64:ff9b:2::a9fe:a9fe", "2001:db8::a9fe:a9fe", "::7f00:1"]


@pytest.mark.parametrize(("text", "why"), NEVER.items())
def test_nothing_is_ever_sent_to_these(text: str, why: str) -> None:
    assert why_never(address(text)) == why


@pytest.mark.parametrize("text", FINE)
def test_private_loopback_and_public_addresses_are_no_matter(text: str) -> None:
    assert why_never(address(text)) is None


#: Ways to write an IPv4 address as an IPv6 one that packets can reach.
SPELLINGS = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "compatible": lambda v4: v4,
    "NAT64": lambda v4: int(address("64:ff9b::")) | v4,
    "local NAT64 /96": lambda v4: int(address("64:ff9b:1::")) | v4,
    "local NAT64 /64": lambda v4: int(address("64:ff9b:1::")) | v4 << 24,
    "local NAT64 /56": lambda v4: (
        int(address("64:ff9b:1::")) | v4 >> 24 << 64 | (v4 & 0xFFFFFF) << 32
    ),
    "local NAT64 /48": lambda v4: (
        int(address("64:ff9b:1::")) | v4 >> 16 << 64 | (v4 & 0xFFFF) << 40
    ),
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo's client": lambda v4: int(address("2001::")) | 0x01020304 << 64 | v4 ^ 0xFFFFFFFF,
    "Teredo's server": lambda v4: int(address("2001::")) | v4 << 64 | 0xFEFDFCFB,
    "ISATAP": lambda v4: int(address("2001:db8::5efe:0:0")) | v4,
    "ISATAP, unique": lambda v4: int(address("2001:db8::200:5efe:0:0")) | v4,
}

UNCERTAIN = ["local NAT64 /64", "local NAT64 /56", "local NAT64 /48"]


def spelt(spelling: str, plain: IPAddress) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address(SPELLINGS[spelling](int(plain)))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("text", [text for text in NEVER if ":" not in text and text[0] != "0"])
def test_an_ipv4_address_inside_an_ipv6_one_is_seen_through(spelling: str, text: str) -> None:
    """The kernel, a tunnel or a translator turns it into IPv4 and reaches the metadata service."""
    assert why_never(spelt(spelling, address(text))) == NEVER[text]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_unspecified_address_is_seen_through_where_its_place_is_known(spelling: str) -> None:
    """A prefix of unknown length is also read with other lengths, which give other addresses."""
    if spelling not in UNCERTAIN:
        assert why_never(spelt(spelling, address("0.0.0.0"))) == "unspecified"


@pytest.mark.parametrize("spelling", [one for one in SPELLINGS if one not in UNCERTAIN])
def test_what_is_allowed_is_held_against_the_ipv4_address_inside(spelling: str) -> None:
    policy = AddressPolicy(
        AllowedHosts.parse("10.0.0.0/8, 1.2.3.4"), listeners([("10.1.2.3", 8080)])
    )
    inside, outside = (spelt(spelling, address(text)) for text in ("10.1.2.3", "192.168.1.2"))
    assert why(policy, str(inside), 80) is None
    assert why(policy, str(inside), 8080) == "the gateway's own listener"
    assert why(policy, str(outside), 80) == "not in REGISTRY_ALLOWED_HOSTS"


def test_where_the_length_of_the_prefix_is_not_known_every_reading_has_to_be_allowed() -> None:
    inside = spelt("local NAT64 /48", address("10.1.2.3"))
    assert set(map(str, plain_addresses(inside))) == {"10.1.2.3", "1.2.3.0", "2.3.0.0"}
    assert why(AddressPolicy(AllowedHosts.parse("10.0.0.0/8")), str(inside)) is not None
    assert why(AddressPolicy(AllowedHosts.parse("0.0.0.0/0")), str(inside)) is None


def test_an_interface_in_the_address_hides_nothing() -> None:
    assert why_never(address("fe80::1%eth0")) == "link-local"


@given(st.ip_addresses(v=4), st.sampled_from(list(SPELLINGS)))
def test_every_ipv4_address_comes_out_of_its_ipv6_spellings(
    plain: ipaddress.IPv4Address, spelling: str
) -> None:
    inside = spelt(spelling, plain)
    if inside not in (address("::"), address("::1")):
        reason = why_never(plain)
        if reason == "unspecified" and spelling in UNCERTAIN:
            return
        assert plain in plain_addresses(inside)
        assert why_never(inside) is not None or reason is None
    assert plain_addresses(plain) == (plain,)


# The gateway's own listener


def why(
    policy: AddressPolicy, text: str, port: int = 8080, *, host: str = "h", is_local: bool = False
) -> str | None:
    return policy.why_forbidden(host, address(text), port, is_local=is_local)


def test_the_gateways_own_listener_is_forbidden_and_its_neighbours_are_not() -> None:
    policy = AddressPolicy(own_listeners=listeners([("127.0.0.1", 8080)]))
    assert why(policy, "127.0.0.1", is_local=True) == "the gateway's own listener"
    assert why(policy, "::ffff:127.0.0.1", is_local=True) == "the gateway's own listener"
    assert why(policy, "127.0.0.1", 8081, is_local=True) is None
    assert why(policy, "127.0.0.2", is_local=True) is None
    assert why(policy, "10.0.0.1") is None


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_wildcard_listener_is_every_address_of_this_machine(wildcard: str) -> None:
    policy = AddressPolicy(own_listeners=listeners([(wildcard, 8080)]))
    assert why(policy, "127.0.0.1", is_local=True) == "the gateway's own listener"
    assert why(policy, "10.0.0.7", is_local=True) == "the gateway's own listener"
    assert why(policy, "10.0.0.7", is_local=False) is None
    assert why(policy, "10.0.0.7", 8081, is_local=True) is None


def test_each_of_several_listeners_counts() -> None:
    policy = AddressPolicy(own_listeners=listeners([("127.0.0.1", 8080), ("::1", 9090)]))
    assert why(policy, "::1", 9090) is not None
    assert why(policy, "127.0.0.1", 8080) is not None
    assert why(policy, "::1", 8080) is None
    assert [policy.listens_on(port) for port in (8080, 9090, 80)] == [True, True, False]


def test_a_listeners_name_may_carry_an_interface() -> None:
    assert listeners([("fe80::1%eth0", 80)]) == {(address("fe80::1"), 80)}


# What an operator allows


def test_nothing_said_allows_any_but_the_never_allowed() -> None:
    assert AllowedHosts.parse(" , ") == AllowedHosts()
    assert why(AddressPolicy(), "10.1.2.3") is None
    assert why(AddressPolicy(), "169.254.169.254") == "link-local"


def test_networks_are_held_against_the_address_and_names_against_the_name() -> None:
    policy = AddressPolicy(AllowedHosts.parse("10.0.0.0/8, fd00::/8, Price.Internal, 192.0.2.1"))
    assert why(policy, "10.1.2.3", host="anything") is None
    assert why(policy, "fd12::1", host="anything") is None
    assert why(policy, "192.0.2.1") is None
    assert why(policy, "192.0.2.2") == "not in REGISTRY_ALLOWED_HOSTS"
    assert why(policy, "11.0.0.1", host="PRICE.internal") is None
    assert why(policy, "11.0.0.1", host="a.price.internal") == "not in REGISTRY_ALLOWED_HOSTS"
    assert why(policy, "::ffff:10.1.2.3") is None


def test_an_allowance_opens_nothing_that_is_never_allowed() -> None:
    policy = AddressPolicy(
        AllowedHosts.parse("0.0.0.0/0, ::/0, metadata"), listeners([("127.0.0.1", 8080)])
    )
    for text, reason in NEVER.items():
        assert why(policy, text, host="metadata") == reason
    assert why(policy, "127.0.0.1") == "the gateway's own listener"


@pytest.mark.parametrize(
    "bad",
    ["10.0.0.0/33", "10.0.0.1/8", "a/b", "two words", "10.0.0.0/8,x/y", "[::1]", "price:8000", "ü"],
)
def test_what_is_neither_a_network_nor_a_name_is_named(bad: str) -> None:
    with pytest.raises(SettingsError) as refused:
        AllowedHosts.parse(bad)
    said = str(refused.value)
    assert said.startswith(f"REGISTRY_ALLOWED_HOSTS={bad!r}: ")
    assert said.endswith("is neither a CIDR nor a name")


@pytest.mark.parametrize("bad", ["*", "*.example.com", "10.0.0.*", "price, *"])
def test_a_wildcard_is_refused_with_what_to_write(bad: str) -> None:
    """It counted as a name that no instance has, so the gateway started and refused every instance."""
    with pytest.raises(SettingsError) as refused:
        AllowedHosts.parse(bad)
    assert str(refused.value) == (
        f"REGISTRY_ALLOWED_HOSTS={bad!r}: no wildcard is understood: "
        "leave it empty for any host, or list names and CIDRs"
    )


def test_a_comma_too_many_changes_nothing() -> None:
    assert AllowedHosts.parse(",price,, 10.0.0.0/8 ,") == AllowedHosts.parse("price,10.0.0.0/8")


def forbidden_to_all(text: str, port: int = 80) -> str | None:
    policy = AddressPolicy(AllowedHosts.parse("10.9.0.0/16"), listeners([("127.0.0.1", 8080)]))
    return policy.why_forbidden_to_all(address(text), port, is_local=True)


@pytest.mark.parametrize(("text", "why"), NEVER.items())
def test_what_is_never_connected_to_is_not_for_the_file_either(text: str, why: str) -> None:
    assert forbidden_to_all(text) == why


@pytest.mark.parametrize("text", FINE)
def test_instances_of_the_file_need_not_be_those_that_may_register(text: str) -> None:
    assert forbidden_to_all(text) is None


def test_the_gateways_own_listener_is_a_loop_whoever_names_it() -> None:
    assert forbidden_to_all("127.0.0.1", 8080) == "the gateway's own listener"
