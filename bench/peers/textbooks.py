"""The two textbook proxies: what most people would write in Python."""

import subprocess
from pathlib import Path

from bench.peers.peer import WHEELS, Launch, Peer, Site

AIOHTTP = "aiohttp textbook"
FASTAPI = "FastAPI + httpx"

_HERE = Path(__file__).parent.resolve()


def peers(python: str) -> list[Peer]:
    """aiohttp's runs with the gateway's interpreter, FastAPI's with that of the wheels."""
    version = _versions(python, "aiohttp")
    assert version is not None, "aiohttp is what the gateway itself is built on"

    def aiohttp_peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            log = [str(site.folder / "access.log")] if same_work else []
            program = str(_HERE / "textbook_aiohttp.py")
            return Launch([python, program, str(site.port), str(site.small_port), *log])

        return Peer(AIOHTTP, version, same_work, launch)

    return [aiohttp_peer(False), aiohttp_peer(True), *_fastapi()]


def _fastapi() -> list[Peer]:
    python = WHEELS / "bin/python"
    version = _versions(str(python), "fastapi", "httpx", "uvicorn") if python.exists() else None
    if version is None:
        return []

    def launch(site: Site) -> Launch:
        options = ["--host", "127.0.0.1", "--port", str(site.port), "--no-access-log"]
        command = [str(python), "-m", "uvicorn", "--app-dir", str(_HERE), *options]
        return Launch(
            [*command, "textbook_fastapi:app"],
            {"ORIGIN": f"http://127.0.0.1:{site.small_port}"},
        )

    return [Peer(FASTAPI, version, False, launch)]


def _versions(python: str, *packages: str) -> str | None:
    asked = f"import importlib.metadata as m; print(*map(m.version, {packages!r}), sep=' / ')"
    ran = subprocess.run(
        [python, "-c", asked], capture_output=True, text=True, timeout=20, check=False
    )
    return ran.stdout.strip() or None
