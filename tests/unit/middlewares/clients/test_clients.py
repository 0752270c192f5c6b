"""A remembered client gives the same answers as a new one."""

import pytest

from middlewares.clients.clients import Clients
from middlewares.clients.deciding import TrustedProxies
from middlewares.header_section import HeaderSection

CLIENTS = Clients(TrustedProxies.parse("10.0.0.0/8"))
FORWARDED = HeaderSection([(b"X-Forwarded-For", b"203.0.113.5")])
PLAIN = HeaderSection([])


@pytest.mark.parametrize("_again", range(2))
@pytest.mark.parametrize(
    ("peer", "section", "client"),
    [
        ("10.0.0.1", FORWARDED, "203.0.113.5"),
        ("10.0.0.1", PLAIN, "10.0.0.1"),
        ("::ffff:10.0.0.1", FORWARDED, "203.0.113.5"),
        ("198.51.100.1", FORWARDED, "198.51.100.1"),
        ("::ffff:198.51.100.1", PLAIN, "198.51.100.1"),
        ("", PLAIN, ""),
    ],
)
def test_who_the_client_is_does_not_depend_on_who_was_met(
    peer: str, section: HeaderSection, client: str, _again: int
) -> None:
    assert CLIENTS.ip_of(peer, section) == client
    assert CLIENTS.trusts(peer) == (peer.endswith("10.0.0.1"))


def test_a_client_that_is_met_again_is_counted_under_the_same_key() -> None:
    clients = Clients(TrustedProxies())
    keys = {clients.limit_key(client) for client in ("2001:db8::1", "2001:db8::2") * 2}
    assert keys == {"2001:db8::/64"}
    assert (clients.limit_keys.hits, clients.limit_keys.misses) == (2, 2)
