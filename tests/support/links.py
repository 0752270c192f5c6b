"""Links to a server of the test's own, and what it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.store.link import Link
from tests.support.fake_registry import Command, FakeConnection

#: A test that needs this long has failed.
PATIENCE_S = 10.0


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    link = Link(url)
    try:
        yield link
    finally:
        await link.close()


def echo(command: Command, connection: FakeConnection) -> None:
    """Answer with the last word of the command."""
    connection.write(b"$%d\r\n%b\r\n" % (len(command[-1]), command[-1]))


def silence(_command: Command, _connection: FakeConnection) -> None:
    pass


async def say(link: Link, word: str | bytes, within_s: float = PATIENCE_S) -> object:
    return await link.call("ECHO", word, within_s=within_s)
