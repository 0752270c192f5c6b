"""The example file of docs/jwt.md, with issuers that there are: each of its ways and routes does what it says."""

import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.documents import ROOT
from tests.support.eventually import eventually
from tests.support.issuers import Issuer
from tests.support.tokens import ED25519_KEY, SECRET, claims, jwk, token

EXAMPLE = ROOT / "docs/examples/jwt.yaml"


@pytest.fixture
async def issuers() -> AsyncIterator[tuple[Issuer, Issuer]]:
    ours, partner = Issuer(), Issuer("RS256")
    await ours.start()
    await partner.start()
    yield ours, partner
    await ours.stop()
    await partner.stop()


async def test_every_way_and_route_of_the_example(
    start_configured: StartConfigured,
    issuers: tuple[Issuer, Issuer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, partner = issuers
    nightly = os.urandom(64)
    (tmp_path / "machines.json").write_text(json.dumps({"keys": [jwk(ED25519_KEY, "m")]}))
    (tmp_path / "legacy.secret").touch(0o600)
    (tmp_path / "legacy.secret").write_bytes(SECRET)
    monkeypatch.setenv("NIGHTLY_SECRET", nightly.hex())
    text = EXAMPLE.read_text()
    for there, here in [
        ("https://id.example.com", ours),
        ("https://login.partner.example", partner),
    ]:
        assert there in text
        text = text.replace(there, here.url)
    configured = await start_configured(text)
    ways = configured.gateway.gateway.ways
    assert ways is not None
    await eventually(lambda: all(one["keys"] for one in ways.describe().values()))

    async def status(path: str, bearer: str | bytes) -> int:
        shown = bearer if isinstance(bearer, str) else bearer.decode()
        return (await configured.ask(path, f"Authorization: Bearer {shown}")).status

    now_s = time.time()
    reads = ours.token(now_s, scope="orders:read", role="guest")
    assert await status("/orders/7", reads) == 200
    assert await status("/refunds/7", reads) == 403
    assert await status("/refunds/7", ours.token(now_s, scope="orders:write", role="guest")) == 403
    writes = ours.token(
        now_s, scope="orders:write", role=["guest", "support"], aud=["https://shop.example.com"]
    )
    assert await status("/refunds/7", writes) == 200
    assert await status("/feed", partner.token(now_s)) == 200
    assert await status("/orders/7", partner.token(now_s, scope="orders:read")) == 401

    def other(issuer: str, key: object, algorithm: str, **more: object) -> bytes:
        return token(claims(now_s, iss=f"https://{issuer}.example.com", **more), key, algorithm)

    machine = other(
        "machines", ED25519_KEY, "EdDSA", sub=None, client_id="m7", permissions=["a", "b"]
    )
    assert await status("/feed", machine) == 200
    received = configured.upstream.requests[-1]
    assert received.values(b"X-Auth-Subject") == [b"m7"]
    assert received.values(b"X-Auth-Scopes") == [b"a b"]
    assert await status("/feed", other("legacy", SECRET, "HS256")) == 200
    assert await status("/feed", other("nightly", nightly.hex().encode(), "HS512")) == 200
    # No way takes the secret of another one.
    assert await status("/feed", other("nightly", SECRET, "HS512")) == 401
    assert await status("/feed", other("legacy", SECRET, "HS512")) == 401
