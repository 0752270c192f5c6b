"""When a body comes too slowly, by a clock that the test moves, and what is sent again."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from gateway.config.settings import load_settings
from gateway.front import request_body
from gateway.front.client_limits import ClientLimits
from gateway.front.request_body import REPLAYED_BYTES, RequestBody, is_too_slow
from middlewares.bodies import Pieces
from middlewares.exchange import Exchange
from middlewares.failures import BodyTooLarge, RequestTimeout
from middlewares.header_section import HeaderSection
from tests.support.byte_connections import ByteTransport

RATE, GRACE_S = 240, 20.0


@pytest.mark.parametrize(
    ("received", "waited_s", "too_slow"),
    [
        (0, 20.0, False),
        (4799, 20.0, False),
        (4799, 20.01, True),
        (20, 20.01, True),
        (4803, 20.01, False),
        (240 * 60, 60.0, False),
        (240 * 60 - 1, 60.0, True),
        (2**20, 60.0, False),
        (2**20, 4370.0, True),
    ],
)
def test_so_many_bytes_must_have_come(received: int, waited_s: float, too_slow: bool) -> None:
    assert is_too_slow(received, waited_s, RATE, GRACE_S) is too_slow


def test_without_a_rate_a_body_may_take_for_ever() -> None:
    assert not is_too_slow(1, 1e9, 0, GRACE_S)


def test_without_a_setting_there_is_a_rate() -> None:
    assert load_settings({}).client_limits.body_rate == RATE
    assert load_settings({"CLIENT_BODY_MIN_RATE": "0"}).client_limits.body_rate == 0


class Upload:
    """A body whose pieces come and are read at times that the test sets."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, limits: ClientLimits, max_bytes: int = 0
    ) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(request_body, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        connection = BaseProtocol(asyncio.get_running_loop())
        connection.transport = ByteTransport()
        self.content = StreamReader(connection, 2**16)
        request = make_mocked_request("POST", "/", payload=self.content)
        section = HeaderSection(())
        self.exchange = Exchange("id", self.now_s, "192.0.2.1", section, None, "/", "/")
        self.body = RequestBody(request, self.exchange, limits, max_bytes)
        self.pieces = self.body.begin()

    async def comes(self, after_s: float) -> bytes:
        """The next piece, which the client sends after `after_s`."""
        piece = asyncio.ensure_future(anext(self.pieces))
        await asyncio.sleep(0)
        self.now_s += after_s
        self.content.feed_data(b"x")
        return await piece


async def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload(monkeypatch, ClientLimits(body_rate=RATE))
    for _ in range(20):
        assert await upload.comes(1.0) == b"x"

    with pytest.raises(RequestTimeout, match="too slowly"):
        await upload.comes(1.0)


async def test_an_instance_that_reads_slowly_is_no_fault_of_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = Upload(monkeypatch, ClientLimits(body_rate=RATE))
    for _ in range(20):
        assert await upload.comes(0.1) == b"x"
        upload.now_s += 100.0


@pytest.mark.parametrize(("size", "is_replayable"), [(REPLAYED_BYTES, True), (2**16 + 1, False)])
async def test_another_try_begins_with_the_first_piece_as_long_as_all_are_kept(
    monkeypatch: pytest.MonkeyPatch, size: int, is_replayable: bool
) -> None:
    upload = Upload(monkeypatch, ClientLimits())
    upload.content.feed_data(b"y" * (size - 1))
    assert await anext(upload.pieces)
    assert await upload.comes(0.1) == b"x"
    assert upload.body.is_replayable is is_replayable
    upload.content.feed_data(b"z")
    upload.content.feed_eof()

    again = [piece async for piece in upload.body.begin()]

    assert b"".join(again) == (b"y" * (size - 1) + b"xz" if is_replayable else b"z")
    assert not upload.body.is_replayable


async def test_a_body_that_went_wrong_is_not_sent_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = Upload(monkeypatch, ClientLimits(), max_bytes=2)
    assert await upload.comes(0.1) == b"x"
    assert upload.body.is_replayable
    upload.content.feed_data(b"too much")

    with pytest.raises(BodyTooLarge):
        await anext(upload.pieces)

    assert not upload.body.is_replayable


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5000, REPLAYED_BYTES + 5])
async def test_a_body_is_read_ahead_or_sent_from_its_first_byte(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    upload = Upload(monkeypatch, ClientLimits())
    sent = bytes(at % 251 for at in range(size))
    for at in range(0, size, 100):
        upload.content.feed_data(sent[at : at + 100])
    upload.content.feed_eof()

    read = await upload.body.read_ahead(100)

    assert read == (sent if size <= 100 else None)
    if read is None:
        assert b"".join([piece async for piece in upload.body.begin()]) == sent
        if size <= REPLAYED_BYTES:
            assert b"".join([piece async for piece in upload.body.begin()]) == sent


async def test_a_reader_gets_each_piece_once_whatever_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Pieces(2**20)
    upload = Upload(monkeypatch, ClientLimits())
    upload.exchange.upload_reader = reader
    assert await upload.comes(0.1) == b"x"
    upload.content.feed_data(b"y")
    upload.content.feed_eof()

    assert [piece async for piece in upload.body.begin()] == [b"x", b"y"]
    assert [piece async for piece in upload.body.begin()] == [b"x", b"y"]

    assert [await reader.read() for _ in range(3)] == [b"x", b"y", b""]
