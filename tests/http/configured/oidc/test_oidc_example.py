"""The example file of docs/oidc.md, with a provider that there is: each of its ways and routes does what it says."""

import pytest

from tests.http.configured.conftest import Configured
from tests.http.configured.oidc.conftest import StartGuarded
from tests.support.documents import ROOT
from tests.support.oidc import CLIENT_SECRET, Provider, parameters

EXAMPLE = ROOT / "docs/examples/oidc.yaml"
PROGRAM = {"Accept": "application/json"}


async def test_every_way_and_route_of_the_example(
    start_guarded: StartGuarded, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_CLIENT_SECRET", CLIENT_SECRET)
    provider.clients.add("lockgate-admin")
    text = EXAMPLE.read_text()
    assert text.count("https://id.example.com") == 2
    guarded = await start_guarded(text.replace("https://id.example.com", provider.issuer))
    (configured,) = guarded.gateways
    shop, admin = guarded.browser("shop.example.com"), guarded.browser("admin.example.com")

    assert parameters(await shop.begin())["scope"] == "openid email offline_access"
    await shop.log_in("/cart")
    assert (await shop.ask("/cart")).status == 200
    assert subject(configured) == b"ada"
    assert (await shop.ask("/reports", fields=PROGRAM)).status == 403
    provider.claims = {"role": "analyst"}
    shop.cookies = {}
    await shop.log_in("/reports")
    assert (await shop.ask("/reports", fields=PROGRAM)).status == 200

    cookie = shop.cookie
    answer = await shop.ask("/oidc/logout", method="POST")
    after = parameters(answer.headers["Location"])["post_logout_redirect_uri"]
    assert after == "http://shop.example.com/bye"
    assert (await shop.ask("/bye")).body == b"See you."
    assert (await shop.ask("/cart", cookie=cookie, fields=PROGRAM)).status == 401

    assert (await admin.ask("/", cookie=cookie, fields=PROGRAM)).status == 401
    assert parameters(await admin.begin())["client_id"] == "lockgate-admin"
    await admin.log_in()
    assert (await admin.ask("/", fields=PROGRAM)).status == 200
    assert (await admin.ask("/bye", fields=PROGRAM)).status == 200
    guarded.set_clocks(30 * 60 + 1)
    assert (await admin.ask("/", fields=PROGRAM)).status == 401


def subject(configured: Configured) -> bytes:
    (found,) = configured.upstream.requests[-1].values(b"X-Auth-Subject")
    return found
