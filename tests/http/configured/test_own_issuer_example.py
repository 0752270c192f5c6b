"""docs/examples/issuer.py and the way of docs/jwt.md that takes its tokens."""

import asyncio
import json
import re
import stat
import sys
from pathlib import Path

from tests.http.configured.conftest import StartConfigured
from tests.support.documents import ROOT

ROUTE = """
discover: false
routes:
  - name: orders
    match: {prefix: /orders}
    respond: {body: "here"}
    auth: {any_of: [users], scopes: {all: [orders:read]}}
"""


async def test_a_token_of_ones_own_issuer(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    page = (ROOT / "docs/jwt.md").read_text()
    tried = page.partition("## Try it with an issuer of your own")[2]
    way = re.findall(r"```yaml\n(.*?)```", tried, re.DOTALL)[0]

    reads = await _token(tmp_path, scope="orders:read")
    configured = await start_configured(way + ROUTE)
    assert stat.S_IMODE((tmp_path / "signing-key.json").stat().st_mode) == 0o600
    assert '"d"' not in (tmp_path / "keys.json").read_text()

    writes, other = await _token(tmp_path, scope="orders:write"), await _token(tmp_path, aud="x")
    for bearer, status in [(reads, 200), (writes, 403), (other, 401)]:
        answer = await configured.ask("/orders/7", f"Authorization: Bearer {bearer}")
        assert answer.status == status


async def _token(folder: Path, **claims: str) -> str:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "docs/examples/issuer.py",
        json.dumps(claims),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await program.communicate()
    assert program.returncode == 0
    return out.decode().strip()
