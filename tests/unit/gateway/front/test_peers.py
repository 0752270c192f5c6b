"""The other end of a client's connection, whatever the kernel calls it."""

from typing import Any

import pytest

from tests.support.byte_clients import client_over
from tests.support.byte_connections import ByteTransport


class PeerTransport(ByteTransport):
    def __init__(self, name: object) -> None:
        super().__init__()
        self._name = name

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._name if name == "peername" else default


@pytest.mark.parametrize("name", [("192.0.2.7", 80), ("::1", 80, 0, 0), "", "/run/a", b"\0job"])
async def test_a_peer_is_known_by_text(name: object) -> None:
    """A Unix client's abstract name comes as bytes: with TRUSTED_PROXIES it got no answer."""
    asked: list[str] = []

    def trusts(peer: str) -> bool:
        asked.append(peer)
        return peer.startswith("192.")

    async with client_over(PeerTransport(name), trusts) as client:
        trusted = client._peer_trusted

    assert all(isinstance(peer, str) for peer in asked)
    assert trusted == (name == ("192.0.2.7", 80))
