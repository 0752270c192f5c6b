"""A browser as people have it keeps the cookies of a log-in, on plain http of this machine too."""

import asyncio
from pathlib import Path

import pytest

from bench.browser import find_browser
from tests.http.configured.oidc.conftest import FILE, StartGuarded
from tests.support.oidc import Provider

PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<p>the orders</p>\n"
)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_chromium_logs_in(
    start_guarded: StartGuarded, provider: Provider, tmp_path: Path, host: str
) -> None:
    chromium = find_browser()
    if chromium is None:
        pytest.skip("no Chromium on PATH: apt-get install chromium")
    guarded = await start_guarded(FILE.replace("app.example", host), answer=PAGE)
    process = await asyncio.create_subprocess_exec(
        *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
        *("--no-first-run", "--disable-background-networking"),
        f"--user-data-dir={tmp_path / 'chromium'}",
        f"http://{host}:{guarded.port}/orders?a=1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(40):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"the orders" in printed
    assert len(provider.grants) == 1
    received = [one for one in guarded.gateways[0].upstream.requests if one.target != b"/health"]
    assert received[0].target == b"/orders?a=1"
    assert received[0].values(b"X-Auth-Subject") == [b"ada"]
    assert received[0].values(b"Cookie") == []
