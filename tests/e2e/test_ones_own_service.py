"""From an empty folder to one's own service behind a gateway, with an installed Lockgate."""

import os
import time
from pathlib import Path

import pytest

from gateway.stack.plan import GATEWAY_PORT
from tests.support.documents import rows_of
from tests.support.installs import Install
from tests.support.recipes import DOCUMENT, Kitchen, Recipe
from tests.support.stacks import free_offset

#: The time-out is the minute that the documents promise, without building and installing the wheel.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(60, func_only=True),
    pytest.mark.xdist_group("packages"),
]

#: The number of commands that the document promises. aiohttp's program registers itself, for which it
#: needs the output of `lockgate serve`.
RECIPES = {
    heading: int(commands) for heading, commands, _ in rows_of(DOCUMENT, "How long it takes")
}
MOST_COMMANDS = 5


@pytest.mark.parametrize("heading", RECIPES)
async def test_ones_own_service_is_answered_after_at_most_five_commands(
    heading: str, tmp_path: Path, as_told: Install
) -> None:
    recipe, offset = Recipe(heading), free_offset()
    commands = ["lockgate serve", *recipe.set_up, recipe.runs[0], recipe.call]
    assert len(commands) == RECIPES[heading] <= MOST_COMMANDS

    gateway_port = GATEWAY_PORT + offset
    environment = {
        "PATH": f"{as_told.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
        "PORT_OFFSET": str(offset),
    }
    gateway = Kitchen(tmp_path, gateway_port, **environment)
    service = Kitchen(tmp_path, gateway_port, **environment)
    began_s = time.monotonic()
    try:
        await gateway.start("lockgate serve")
        told = await gateway.says(r"Lockgate listens at(?s:.+) export (REDIS_URL)=(\S+)\n")
        if not recipe.runs[0].startswith("lockgate"):
            service.export(*told.groups())
        await service.set_up(recipe, by_pip=True)
        service.write(recipe, recipe.runs[0])
        await service.start(recipe.runs[0])
        assert await service.answer_of(recipe.call)
        print(f"{heading}: {len(commands)} commands, {time.monotonic() - began_s:.1f} s")
    finally:
        await service.stop()
        await gateway.stop()
