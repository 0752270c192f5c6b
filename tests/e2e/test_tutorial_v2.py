"""docs/tutorial-v2.md, typed into terminals as a reader types it."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.containers import copy_build_context
from tests.support.desks import Desk
from tests.support.documents import Block, blocks
from tests.support.terminals import CTRL_C, PROMPT, Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DOCUMENT = "docs/tutorial-v2.md"


class Page:
    """The document, whose blocks are taken one after the other; each has to be used."""

    def __init__(self) -> None:
        self.left = blocks(DOCUMENT)

    def next(self, language: str, heading: str) -> Block:
        block = self.left.pop(0)
        assert (block.language, block.heading) == (language, heading), block.text
        return block

    def lines(self, heading: str) -> list[str]:
        """The lines of an answer that the document shows."""
        return self.next("text", heading).text.rstrip("\n").splitlines()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    copy_build_context(tmp_path / "lockgate")
    folder = tmp_path / "prices"
    folder.mkdir()
    async with AsyncExitStack() as terminals:
        yield Desk(folder, terminals, ("9001", "9002"))


async def register(desk: Desk, terminal: Terminal, command: str) -> None:
    await desk.type(terminal, command)
    await terminal.shows("lockgate: healthy: ", within_s=60)


async def stop(terminal: Terminal) -> None:
    terminal.type(CTRL_C)
    await terminal.shows(PROMPT, within_s=60)


async def test_the_tutorial_does_what_it_says(desk: Desk) -> None:
    page = Page()
    one, two, three, four = [await desk.open() for _ in range(4)]
    file = desk.folder / "lockgate.yaml"

    step = "1. Install"
    for command in page.next("sh", step).commands:
        await desk.run(one, command, within_s=240)

    step = "2. Version 1"
    (desk.folder / "prices_v1.py").write_text(page.next("python", step).text)
    file.write_text(page.next("yaml", step).text)
    check, serve = page.next("sh", step).commands
    await desk.run(one, check, "1 route")
    await desk.type(one, serve)
    await one.shows("Lockgate listens at", within_s=60)
    await register(desk, two, *page.next("sh", step).commands)
    (ask,) = page.next("sh", step).commands
    await desk.run(three, ask, page.next("json", step).text.strip())

    step = "3. Version 2"
    program = desk.folder / "prices_v2.py"
    program.write_text(page.next("python", step).text)
    await register(desk, four, *page.next("sh", step).commands)
    named, unnamed = page.next("sh", step).commands
    await desk.run(three, named, page.next("json", step).text.strip())
    await desk.run(three, unnamed, *page.lines(step))

    step = "4. Compare the answers"
    file.write_text(page.next("yaml", step).text)
    reload, *calls, report = page.next("sh", step).commands
    for command in (reload, *calls):
        await desk.run(three, command)
    await desk.run(three, report, *page.lines(step))
    mend(program, page.next("python", step).text)
    await stop(four)
    await register(desk, four, *page.next("sh", step).commands)
    *calls, report = page.next("sh", step).commands
    for command in calls:
        await desk.run(three, command)
    await desk.run(three, report, *page.lines(step))

    step = "5. A few clients first"
    file.write_text(page.next("yaml", step).text)
    for _ in range(2):
        change, count = page.next("sh", step).commands
        await desk.run(three, change)
        await desk.run(three, count, *page.lines(step))

    step = "6. A canary that fails"
    await stop(four)
    await register(desk, four, *page.next("sh", step).commands)
    count, look = page.next("sh", step).commands
    await desk.run(three, count, " 500")
    await desk.run(three, look, *page.lines(step))
    await desk.run(three, *page.next("sh", step).commands, '"error_rates"')
    await stop(four)
    await register(desk, four, *page.next("sh", step).commands)

    step = "7. All of them"
    change, count = page.next("sh", step).commands
    await desk.run(three, change)
    await desk.run(three, count, *page.lines(step))
    file.write_text(page.next("yaml", step).text)
    reload, ask = page.next("sh", step).commands
    await desk.run(three, reload)
    await desk.run(three, ask, *page.lines(step))
    await desk.run(three, *page.next("sh", step).commands, *page.lines(step), "agent curl")

    step = "8. The end of version 1"
    file.write_text(page.next("yaml", step).text)
    reload, old, new, services = page.next("sh", step).commands
    await desk.run(three, reload)
    await stop(two)
    await desk.run(three, old, *page.lines(step))
    await desk.run(three, new, page.next("json", step).text.strip())
    await desk.run(three, services, "2.1.1")

    assert page.left == []
    assert desk.typed == [line for one in blocks(DOCUMENT, "sh") for line in one.commands]


def mend(program: Path, line: str) -> None:
    """Replace the line that begins as this one does."""
    lines = program.read_text().splitlines(keepends=True)
    beginning = line.partition("=")[0]
    (place,) = [at for at, one in enumerate(lines) if one.startswith(beginning)]
    lines[place] = line
    program.write_text("".join(lines))


def test_the_answers_of_the_document_are_json() -> None:
    for one in blocks(DOCUMENT, "json"):
        json.loads(one.text)
