"""docs/tutorial.md, typed into terminals as a reader types it."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.containers import copy_build_context
from tests.support.desks import Desk
from tests.support.documents import ROOT, Block, blocks
from tests.support.terminals import CTRL_C, PROMPT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DOCUMENT = "docs/tutorial.md"
#: The most commands from an empty folder to the first answer through the gateway.
MOST_COMMANDS = 5
FIRST_STEPS = ("1. Install", "2. Start the gateway", "4. Run it", "5. Call it")
COUNTED = "   1000 200\r\n"


def steps(heading: str, language: str = "sh") -> list[Block]:
    return [block for block in blocks(DOCUMENT, language) if block.heading == heading]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    copy_build_context(tmp_path / "lockgate")
    folder = tmp_path / "shop"
    folder.mkdir()
    async with AsyncExitStack() as terminals:
        yield Desk(folder, terminals)


def test_the_first_answer_takes_at_most_five_commands() -> None:
    commands = [line for heading in FIRST_STEPS for one in steps(heading) for line in one.commands]
    assert len(commands) <= MOST_COMMANDS


async def test_the_tutorial_does_what_it_says(desk: Desk) -> None:
    began_s = time.monotonic()
    one, two, three = [await desk.open() for _ in range(3)]

    (install,) = steps("1. Install")
    for command in install.commands:
        await desk.type(one, command)
        await one.shows(PROMPT, within_s=120)
    print(f"installed after {time.monotonic() - began_s:.1f} s")

    (serve,) = steps("2. Start the gateway")
    await desk.type(one, serve.text.strip())
    await one.shows("Lockgate listens at")

    (program,) = steps("3. Write a service", "python")
    (desk.folder / "shop.py").write_text(program.text)
    (run,) = steps("4. Run it")
    (says,) = steps("4. Run it", "text")
    await desk.type(two, run.text.strip())
    await two.shows(desk.moved(says.text.strip()))

    (call,) = steps("5. Call it")
    (answer,) = steps("5. Call it", "json")
    await desk.type(three, call.text.strip())
    await three.shows('{"hello":"from the shop","pid":')
    assert json.loads(answer.text).keys() == {"hello", "pid"}
    print(f"the first answer came after {time.monotonic() - began_s:.1f} s")

    restart, second, count, kill = steps("6. Kill one")
    one.type(CTRL_C)
    await one.shows(PROMPT)
    await desk.type(one, restart.text.strip())
    await one.shows("Lockgate listens at")
    four, five = await desk.open(), await desk.open()
    await desk.type(four, second.text.strip())
    await four.shows("healthy: ")
    await desk.type(three, count.text.strip())
    await desk.type(five, kill.text.strip())
    await four.shows(PROMPT)  # the instance is gone
    await three.shows(COUNTED, within_s=100)

    (third,) = steps("7. Replace one")
    await desk.type(three, count.text.strip())
    await desk.type(four, third.text.strip())
    await four.shows("healthy: ")
    two.type(CTRL_C)
    await two.shows(PROMPT)
    await three.shows(COUNTED, within_s=100)

    (look,) = steps("8. Look at it")
    services, logs, doctor = look.commands
    (warning,) = re.findall("`(RATE_LIMIT_REQUESTS: .*?),", (ROOT / DOCUMENT).read_text())
    for command, expected in ((services, "healthy"), (logs, "method=GET"), (doctor, warning)):
        await desk.type(three, command)
        await three.shows(expected)
        await three.shows(PROMPT)
