"""A reader's first commands, typed in the folder where `lockgate serve` keeps its token."""

import html
import re
from pathlib import Path

import aiohttp
import pytest

from gateway.stack.plan import GATEWAY_PORT
from tests.support.documents import ROOT, blocks
from tests.support.eventually import eventually
from tests.support.recipes import Kitchen
from tests.support.stacks import free_offset

FILE_SERVER = "-m http.server"
IN_ANY_FOLDER = ("README.md", "docs/recipes.md", "docs/any-language.md")
#: The first commands, up to the end of the line with the program.
_SCRIPT = re.compile(rf"(?:.*\n)*?.*{FILE_SERVER}.*")


def scripts(document: str) -> list[str]:
    """The parts of a document's shell blocks that end with a file server."""
    shell = [block.text for block in blocks(document) if block.language in ("", "sh")]
    return [script for text in shell for script in _SCRIPT.findall(text)]


@pytest.mark.e2e
@pytest.mark.timeout(180)
async def test_no_first_command_shows_the_admin_token_to_the_world(tmp_path: Path) -> None:
    """`python3 -m http.server 9000` served `.lockgate/0/admin-token`, even at 0.0.0.0."""
    offset = free_offset()
    gateway_port = GATEWAY_PORT + offset
    gateway = Kitchen(tmp_path, gateway_port, PORT_OFFSET=str(offset), RATE_LIMIT_REQUESTS="0")
    token = tmp_path / f".lockgate/{offset}/admin-token"
    try:
        await gateway.start("lockgate serve")
        printed = (await gateway.says(r"\n  (lockgate register .+)\n(?s:.+)\^C stops it"))[1]
        page = await gateway.do(f"curl -s -H 'Accept: text/html' localhost:{gateway_port}/")
        (shown,) = re.findall(r"<pre><code>(.+?)</code></pre>", page)
        documented = [script for document in IN_ANY_FOLDER for script in scripts(document)]
        assert len(documented) >= 3
        assert token.is_file()
        for script in [printed, html.unescape(shown), *documented]:
            await _shows_no_token(script, tmp_path, gateway_port, offset)
    finally:
        await gateway.stop()


async def _shows_no_token(script: str, folder: Path, gateway_port: int, offset: int) -> None:
    """Check that the program is routed to, and that neither the route nor the port leads to the token."""
    prepare, _, run = (
        script.replace(".venv/bin/", "").replace("mkdir www", "mkdir -p www").rpartition("\n")
    )
    assert "--bind 127.0.0.1" in run
    service = Kitchen(folder, gateway_port, PORT_OFFSET=str(offset))
    route = f"http://localhost:{gateway_port}/api/" + re.findall(r"--name (\S+)", run)[0]
    try:
        await service.do(prepare or "true")
        await service.start(run)
        async with aiohttp.ClientSession() as session:

            async def status(path: str) -> int:
                async with session.get(route + path) as answer:
                    return answer.status

            async def is_routed() -> bool:
                return await status("/") == 200

            await eventually(is_routed, within_s=30)
            for path in (f"/.lockgate/{offset}/admin-token", "/.lockgate/", "/../.lockgate/"):
                assert await status(path) == 404, f"{script}: {path}"
    finally:
        await service.stop()


@pytest.mark.parametrize(
    "document",
    [str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")]],
)
def test_every_server_of_files_in_a_document_is_given_a_folder(document: str) -> None:
    for script in scripts(document):
        assert "--directory " in script.splitlines()[-1], script
        if "--host host.docker.internal" not in script:
            assert "--bind 127.0.0.1" in script, script
