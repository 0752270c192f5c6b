"""The link logs in as its URL says, and follows the registry to another server within a call."""

import socket

import pytest
import redis

from discovery.store.link import Script
from tests.support.eventually import eventually
from tests.support.fake_registry import Command, FakeConnection, FakeRegistry
from tests.support.links import PATIENCE_S, echo, linked, say, silence

pytestmark = pytest.mark.both_loops

#: The answer to ROLE.
MASTER = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


async def test_a_node_that_names_another_is_left_for_it_within_the_same_call() -> None:
    """The first second of each worker in a cluster went uncounted."""

    def moved(_command: Command, connection: FakeConnection) -> None:
        connection.write(b"-MOVED 5 127.0.0.1:%d\r\n" % right.port)

    async with FakeRegistry(echo) as right, FakeRegistry(moved) as wrong:
        async with linked(f"redis+cluster://127.0.0.1:{wrong.port}") as link:
            assert await say(link, "x") == b"x"
            assert await say(link, "y") == b"y"
        assert len(wrong.commands) == 1


async def test_nodes_that_name_each_other_are_not_followed_for_ever() -> None:
    async with FakeRegistry(silence) as one, FakeRegistry(silence) as other:
        one.answer = lambda _, by: by.write(b"-MOVED 5 127.0.0.1:%d\r\n" % other.port)
        other.answer = lambda _, by: by.write(b"-MOVED 5 127.0.0.1:%d\r\n" % one.port)
        async with linked(f"redis+cluster://127.0.0.1:{one.port}") as link:
            with pytest.raises(redis.ConnectionError, match="another node"):
                await say(link, "x")
        assert len(one.commands) + len(other.commands) == 2


async def test_a_master_that_was_demoted_is_left_for_the_new_one_within_the_same_call() -> None:
    """It answers reads for a while longer, and the sentinels name its successor."""

    def demoted(command: Command, connection: FakeConnection) -> None:
        connection.write(MASTER if command[0] == b"ROLE" else b"-READONLY a replica\r\n")

    def promoted(command: Command, connection: FakeConnection) -> None:
        connection.write(MASTER if command[0] == b"ROLE" else b"+new\r\n")

    def name(command: Command, connection: FakeConnection) -> None:
        assert command[:2] == [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME"]
        port = str(named.pop(0).port).encode()
        connection.write(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port))

    async with (
        FakeRegistry(demoted) as old,
        FakeRegistry(promoted) as new,
        FakeRegistry(name) as sentinel,
    ):
        named = [old, new]
        async with linked(f"redis+sentinel://127.0.0.1:{sentinel.port}/main") as link:
            assert await link.run(Script("x"), ["k"], [], within_s=PATIENCE_S) == b"new"
            await eventually(lambda: not old.connections)


async def test_it_logs_in_as_the_url_says_and_no_error_names_the_password() -> None:
    def reply(command: Command, connection: FakeConnection) -> None:
        if command[0] == b"AUTH":
            connection.write(b"-WRONGPASS invalid username-password pair\r\n")
        else:
            connection.write(b"+OK\r\n")

    async with FakeRegistry(reply) as server:
        url = f"redis://user:s3cret%2Fword@127.0.0.1:{server.port}/3"
        async with linked(url) as link:
            with pytest.raises(redis.AuthenticationError) as raised:
                await say(link, "x")
            assert "s3cret" not in f"{raised.value!r} {link._connection!r} {link!r}"
            assert server.commands == [[b"AUTH", b"user", b"s3cret/word"]]
            server.commands.clear()
            server.answer = lambda _, by: by.write(b"+OK\r\n")
            await say(link, "x")
            assert [command[0] for command in server.commands] == [b"AUTH", b"SELECT", b"ECHO"]
            assert server.commands[1] == [b"SELECT", b"3"]


async def test_it_speaks_resp2_whatever_the_url_says() -> None:
    """In RESP3 a message that belongs to no command would be taken for an answer."""
    async with FakeRegistry(echo) as server, linked(f"{server.url}?protocol=3") as link:
        assert await say(link, "x") == b"x"
        assert [command[0] for command in server.commands] == [b"ECHO"]


@pytest.mark.parametrize("kept", [True, False])
async def test_its_socket_is_kept_alive_as_the_url_says(kept: bool) -> None:
    async with (
        FakeRegistry(echo) as server,
        linked(f"{server.url}?socket_keepalive={kept}") as link,
    ):
        await say(link, "x")
        sock = link._connection.wire._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == kept
        options = link._connection.socket_keepalive_options if kept else {}
        for option, value in options.items():
            assert sock.getsockopt(socket.IPPROTO_TCP, option) == value
