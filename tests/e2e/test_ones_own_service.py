"""From an empty folder to one's own service, behind a gateway that `lockgate serve` runs."""

from pathlib import Path

import pytest

from gateway.stack.plan import GATEWAY_PORT
from tests.support.recipes import Kitchen, Recipe
from tests.support.stacks import free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

#: The one of aiohttp registers by itself: it needs what `lockgate serve` prints for that.
RECIPES = ["FastAPI", "Flask", "Django", "Express", "aiohttp", "A static server"]


@pytest.mark.parametrize("heading", RECIPES)
async def test_ones_own_service_is_answered_after_at_most_five_commands(
    heading: str, tmp_path: Path
) -> None:
    recipe, offset = Recipe(heading), free_offset()
    commands = ["lockgate serve", *recipe.set_up, recipe.runs[0], recipe.call]
    assert len(commands) <= 5

    gateway_port = GATEWAY_PORT + offset
    gateway = Kitchen(tmp_path, gateway_port, PORT_OFFSET=str(offset))
    service = Kitchen(tmp_path, gateway_port, PORT_OFFSET=str(offset))
    try:
        await gateway.start("lockgate serve")
        told = await gateway.says(r"Lockgate listens at(?s:.+) export (REDIS_URL)=(\S+)\n")
        if not recipe.runs[0].startswith("lockgate"):
            service.export(*told.groups())
        await service.set_up(recipe)
        service.write(recipe, recipe.runs[0])
        await service.start(recipe.runs[0])
        assert await service.answer_of(recipe.call)
    finally:
        await service.stop()
        await gateway.stop()
