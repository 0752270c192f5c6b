"""Which addresses may use a route: the table of decisions."""

from ipaddress import ip_network

import pytest

from middlewares.access.deciding import AddressLists, Why

PRIVATE = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
ONE = (ip_network("10.0.0.1/32"), ip_network("2001:db8::1/128"))


@pytest.mark.parametrize(
    ("lists", "client_ip", "refused"),
    [
        (AddressLists(), "192.0.2.1", None),
        (AddressLists(), "", None),
        (AddressLists(allow=PRIVATE), "10.1.2.3", None),
        (AddressLists(allow=PRIVATE), "fd00::1", None),
        (AddressLists(allow=PRIVATE), "::ffff:10.1.2.3", None),
        (AddressLists(allow=PRIVATE), "192.0.2.1", Why.NOT_ALLOWED),
        (AddressLists(allow=PRIVATE), "2001:db8::1", Why.NOT_ALLOWED),
        (AddressLists(allow=PRIVATE), "::ffff:192.0.2.1", Why.NOT_ALLOWED),
        (AddressLists(allow=PRIVATE), "", Why.UNKNOWN),
        (AddressLists(allow=()), "10.1.2.3", Why.NOT_ALLOWED),
        (AddressLists(deny=ONE), "10.0.0.1", Why.DENIED),
        (AddressLists(deny=ONE), "::ffff:10.0.0.1", Why.DENIED),
        (AddressLists(deny=ONE), "2001:db8::1", Why.DENIED),
        (AddressLists(deny=ONE), "10.0.0.2", None),
        (AddressLists(deny=ONE), "", None),
        (AddressLists(allow=PRIVATE, deny=ONE), "10.0.0.1", Why.DENIED),
        (AddressLists(allow=PRIVATE, deny=ONE), "10.0.0.2", None),
        (AddressLists(allow=PRIVATE, deny=ONE), "192.0.2.1", Why.NOT_ALLOWED),
    ],
)
def test_an_address(lists: AddressLists, client_ip: str, refused: Why | None) -> None:
    assert lists.refuses(client_ip) is refused
