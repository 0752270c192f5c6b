"""The page at `/` in a real Chromium: light and dark, wide and narrow."""

from pathlib import Path
from typing import Any

import pytest

from bench.browser import Browser, Scheme, Tab, chromium, find_browser
from bench.screenshots import SCHEMES, take
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

PROGRAM = find_browser()

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on PATH: apt-get install chromium"),
    pytest.mark.timeout(120),
]

MARKUP = "/<script>document.title='obeyed'</script>"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
#: WCAG 2.2, 1.4.3: contrast of text.
LEAST_CONTRAST = 4.5
LARGEST_PICTURE_BYTES = 150_000

#: The text with the least contrast to its background, and that contrast.
WORST_CONTRAST = """(() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = color => parts(color).slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    const color = getComputedStyle(element).backgroundColor;
    const alpha = parts(color)[3] ?? 1;
    return alpha === 1 || !element.parentElement ? color : behind(element.parentElement);
  };
  let worst = [99, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text) continue;
    const [low, high] = [getComputedStyle(element).color, behind(element)]
      .map(luminance).sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < worst[0]) worst = [contrast, text];
  }
  return worst;
})()"""
#: How far the page extends beyond the right edge of the window.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def with_services(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> RunningGateway:
    """A gateway with a healthy service, an unhealthy one, and one whose path is markup."""
    gateway, upstream = await start_gateway(), await start_upstream()
    ill = await start_upstream(NOT_FOUND)
    await gateway.register("price_service", upstream.port, health_check_url="/health")
    name = "a" * 63  # the longest name, without a place to break it
    await gateway.register(name, upstream.port, "i" * 128, version="1.2.3-" + "x" * 100)
    for one, path in (("orders", "/probe"), ("markup", MARKUP)):
        await gateway.register(one, ill.port, routable=False, health_check_url=path)
    health = gateway.member.health
    for one in ("orders", "markup"):
        await eventually(lambda one=one: health.status(f"{one}/i1") == "unhealthy")
    return gateway


async def test_the_page_is_whole_in_a_real_browser_and_obeys_nothing_that_it_shows(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway = await with_services(start_gateway, start_upstream)
    assert PROGRAM is not None
    async with chromium(PROGRAM, tmp_path / "profile") as browser:
        tab = await browser.open_tab()
        backgrounds = {}
        for scheme in SCHEMES:
            for width in (1200, 360):
                await is_fit_to_be_read(tab, gateway.url, width, scheme)
            backgrounds[scheme] = await tab.evaluate(
                "getComputedStyle(document.body).backgroundColor"
            )
        assert backgrounds["light"] != backgrounds["dark"]

        await its_tables_are_tables(tab)
        await its_pictures_are_small(browser, gateway.url, tmp_path)


async def is_fit_to_be_read(tab: Tab, url: str, width: int, scheme: Scheme) -> None:
    await tab.show(f"{url}/", width=width, scheme=scheme)
    how = f"{scheme}, {width} px"

    shown = await tab.evaluate("document.body.innerText")
    assert f"GET {MARKUP} answers 404" in shown, how
    assert "4 services, 4 instances, 2 healthy" in shown, how
    assert await tab.evaluate("document.scripts.length") == 0, how
    assert "obeyed" not in await tab.evaluate("document.title"), how
    assert await tab.evaluate(OVERFLOW) <= 0, how
    contrast, text = await tab.evaluate(WORST_CONTRAST)
    assert contrast >= LEAST_CONTRAST, (how, text)
    assert complaints(tab.events) == [], how
    assert asked_for(tab.events) == [f"{url}/"], how


def complaints(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The console's messages: resources that were refused by the policy or not found, and exceptions."""
    of_consoles = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    return [event for event in events if event["method"] in of_consoles]


def asked_for(events: list[dict[str, Any]]) -> list[str]:
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


async def its_tables_are_tables(tab: Tab) -> None:
    """They stay tables for screen readers, even if a narrow window shows their rows as cards."""
    nodes = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("table") == 4
    assert {"columnheader", "rowheader", "row", "cell"} <= set(roles)


async def its_pictures_are_small(browser: Browser, url: str, folder: Path) -> None:
    """The documents' pictures are made like this."""
    files = await take(browser, f"{url}/", folder)
    assert len(files) == 4
    for file in files:
        picture = file.read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < LARGEST_PICTURE_BYTES, file.name
