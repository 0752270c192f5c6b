"""`python -m bench.screenshots URL`: takes docs/page.md's pictures of the page at `/`, with a real Chromium."""

import asyncio
import sys
import tempfile
from pathlib import Path

from bench.browser import Browser, Scheme, chromium, find_browser

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WIDTHS = {"wide": 1200, "narrow": 360}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


async def take(browser: Browser, url: str, folder: Path) -> list[Path]:
    """Take four pictures: light and dark, wide and narrow."""
    tab, files = await browser.open_tab(), []
    for scheme in SCHEMES:
        for name, width in WIDTHS.items():
            await tab.show(url, width=width, scheme=scheme)
            file = folder / f"page-{scheme}-{name}.png"
            file.write_bytes(await tab.picture())
            files.append(file)
    return files


async def main(url: str) -> int:
    program = find_browser()
    if program is None:
        print("bench.screenshots: no Chromium on PATH", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with chromium(program, Path(profile)) as browser:
            for file in await take(browser, url, FOLDER):
                print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.screenshots URL")
    sys.exit(asyncio.run(main(sys.argv[1])))
