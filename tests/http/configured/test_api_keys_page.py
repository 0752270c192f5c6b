"""docs/api-keys.md: its file is loaded and driven, and what it says of a key is so."""

import re

from tests.http.configured.conftest import StartConfigured
from tests.support.api_keys import make_key, status_with
from tests.support.documents import ROOT, blocks, rows_of

PAGE = "docs/api-keys.md"
(FILE,) = [block.text for block in blocks(PAGE, "yaml")]


async def test_the_file_of_the_page_does_what_the_page_says(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    gateway = configured.gateway
    reader = await make_key(gateway, "orders-batch", scopes=["orders:read"], expires="90d")
    other = await make_key(gateway, "other")
    both = reader["key"], other["key"]
    assert [await status_with(gateway, key, "/orders/7") for key in both] == [200, 403]
    assert [await status_with(gateway, key, "/api/order/x") for key in both] == [200, 403]
    for path in ("/orders/7", "/api/order/x"):
        answer = await gateway.get(path)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="lockgate"'
    assert (await gateway.get("/")).body == b"here"


async def test_the_page_names_every_member_and_the_form_of_a_key(
    start_configured: StartConfigured,
) -> None:
    gateway = (await start_configured(FILE)).gateway
    made = await make_key(gateway)
    said = dict(rows_of(PAGE, "Over HTTP"))
    (created,) = [answer for call, answer in said.items() if call.startswith("POST /keys {")]
    assert set(re.findall(r'"(\w+)"', created)) == set(made)
    (pattern,) = re.findall(r"`(lg_\[.+?\]\{49\})`", (ROOT / PAGE).read_text())
    assert re.fullmatch(pattern, made["key"])
