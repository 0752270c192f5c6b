"""Readers of one body: each gets all of it, or learns once why not, independently of the others."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from middlewares.bodies import (
    Abandoned,
    Beginning,
    Fanout,
    OverCap,
    Pieces,
    Reader,
    Sink,
    Source,
    TooLate,
    TooSlow,
    Trailers,
    WhenSlow,
    pour,
)
from middlewares.failures import UpstreamReset
from tests.support.eventually import eventually

HOLD, LEAVE = WhenSlow.HOLD, WhenSlow.LEAVE
BROKEN = UpstreamReset("the upstream closed the connection early")
FIELDS = [(b"x-sum", b"6")]


class Taking(Sink):
    """A sink that records its calls; it declines pieces while `slow`, and raises in the methods in `wrong`."""

    def __init__(self, *, slow: bool = False, wrong: str = "") -> None:
        self.told: list[object] = []
        self.slow = slow
        self.waited = False
        self.wrong = wrong.split()
        self._quick = asyncio.Event()

    def take(self, piece: bytes) -> bool:
        self._may_raise("take")
        if self.slow:
            return False
        self.told.append(piece)
        return True

    async def room(self) -> None:
        self._may_raise("room")
        try:
            await self._quick.wait()
        finally:
            self.waited = True

    def end(self, trailers: Trailers = ()) -> None:
        self.told.append(("end", *trailers))
        self._may_raise("end")

    def broke(self, why: Exception) -> None:
        self.told.append(why)
        self._may_raise("broke")

    def becomes_quick(self) -> None:
        self.slow = False
        self._quick.set()

    def _may_raise(self, where: str) -> None:
        if where in self.wrong:
            raise RuntimeError(where)

    @property
    def body(self) -> bytes:
        return b"".join(one for one in self.told if isinstance(one, bytes))

    @property
    def last_words(self) -> list[object]:
        return [one for one in self.told if not isinstance(one, bytes)]


def source(*pieces: bytes, trailers: Trailers = (), breaks: bool = False) -> Pieces:
    """A body that has come completely, or until it `breaks` off."""
    there = Pieces(2**20)
    for piece in pieces:
        assert there.take(piece)
    there.broke(BROKEN) if breaks else there.end(trailers)
    return there


# One reader: the source feeds it directly


async def test_one_sink_gets_each_piece_in_order_and_then_the_end() -> None:
    sink = Taking()

    await pour(source(b"one", b"two", trailers=FIELDS), sink)

    assert sink.told == [b"one", b"two", ("end", *FIELDS)]


async def test_an_empty_body_is_an_end_alone() -> None:
    sink = Taking()

    await pour(source(), sink)

    assert sink.told == [("end",)]


async def test_a_body_that_breaks_off_is_told_and_raised() -> None:
    sink = Taking()

    with pytest.raises(UpstreamReset):
        await pour(source(b"one", breaks=True), sink)

    assert sink.told == [b"one", BROKEN]


async def test_a_sink_that_raises_is_told_of_it_and_so_is_the_caller() -> None:
    sink = Taking(wrong="take")

    with pytest.raises(RuntimeError):
        await pour(source(b"one"), sink)

    (why,) = sink.told
    assert isinstance(why, RuntimeError)


async def test_a_sink_that_will_never_have_room_is_told_of_it() -> None:
    sink = Taking(slow=True, wrong="room")

    with pytest.raises(RuntimeError):
        await pour(source(b"one"), sink)

    assert len(sink.told) == 1


async def test_a_sink_whose_source_is_given_up_is_told() -> None:
    sink = Taking()
    pouring = asyncio.create_task(pour(there := Pieces(10), sink))
    there.take(b"one")
    await eventually(lambda: sink.told)

    pouring.cancel()
    await asyncio.wait([pouring])

    assert pouring.cancelled()
    assert isinstance(sink.told[1], Abandoned)
    there.take(b"two")
    assert len(sink.told) == 2


async def test_a_piece_that_arrives_goes_on_at_once_and_overtakes_none() -> None:
    sink = Taking()
    pouring = asyncio.create_task(pour(there := Pieces(4), sink))
    await asyncio.sleep(0)

    there.take(b"one")
    assert sink.told == [b"one"]
    sink.slow = True
    there.take(b"two")
    await eventually(lambda: not there._unread)  # the piece is offered
    sink.slow = False
    there.take(b"six")
    assert sink.told == [b"one"]
    sink.becomes_quick()
    there.end()
    await pouring

    assert sink.told == [b"one", b"two", b"six", ("end",)]


async def test_a_source_and_its_sink_do_not_hold_each_other_afterwards() -> None:
    sink = Taking()
    await pour(there := source(b"one"), sink)
    gone = weakref.ref(sink)

    gc.disable()
    try:
        del sink
        assert gone() is None
    finally:
        gc.enable()
    assert there.trailers == ()


# Several readers


@pytest.mark.parametrize("breaks", [False, True])
async def test_all_readers_get_all_and_the_end_once(breaks: bool) -> None:
    fanout, sinks = Fanout(), [Taking() for _ in range(3)]
    for sink in sinks:
        fanout.add(sink)

    there = source(b"one", b"two", trailers=FIELDS, breaks=breaks)
    await asyncio.wait([asyncio.ensure_future(pour(there, fanout))])
    fanout.end()
    fanout.broke(BROKEN)

    last = BROKEN if breaks else ("end", *FIELDS)
    assert [sink.told for sink in sinks] == [[b"one", b"two", last]] * 3


@pytest.mark.parametrize(
    ("sink", "terms", "why"),
    [
        (Taking(wrong="take"), {}, RuntimeError),
        (Taking(slow=True), {}, TooSlow),
        (Taking(), {"cap": 2}, OverCap),
        (Taking(wrong="take broke"), {}, RuntimeError),
        (Taking(slow=True, wrong="room"), {"when_slow": HOLD}, RuntimeError),
        (Taking(slow=True, wrong="broke"), {}, TooSlow),
    ],
)
async def test_a_reader_that_goes_is_told_once_and_harms_no_other(
    sink: Taking, terms: dict[str, int], why: type[Exception]
) -> None:
    fanout, before, after = Fanout(), Taking(), Taking()
    fanout.add(before)
    reader = fanout.add(sink, **terms)  # type: ignore[arg-type]
    fanout.add(after, when_slow=HOLD)

    await pour(source(b"one", b"two"), fanout)

    assert before.told == after.told == [b"one", b"two", ("end",)]
    assert reader.has_left
    assert isinstance(reader.why, why)
    assert sink.told == [reader.why]


async def test_a_reader_within_its_cap_stays() -> None:
    fanout, sink = Fanout(), Taking()
    fanout.add(sink, cap=6)

    await pour(source(b"one", b"two"), fanout)

    assert sink.told == [b"one", b"two", ("end",)]


async def test_a_reader_that_raises_at_the_end_harms_no_other() -> None:
    fanout, sink, other = Fanout(), Taking(wrong="end"), Taking()
    reader = fanout.add(sink)
    fanout.add(other)

    await pour(source(b"one"), fanout)

    assert other.told == [b"one", ("end",)]
    assert sink.told == [b"one", ("end",)]
    assert isinstance(reader.why, RuntimeError)


@pytest.mark.parametrize("wrong", ["take", "end"])
def test_the_log_tells_of_a_readers_mistake_and_of_nothing_else(wrong: str) -> None:
    fanout = Fanout()
    fanout.add(Taking(wrong=wrong))
    fanout.add(Taking(slow=True))
    fanout.add(Taking(), cap=0)

    with capture_logs() as logs:
        fanout.take(b"one")
        fanout.end()

    (line,) = logs
    assert (line["event"], line["reader"]) == ("body.reader_failed", "Taking")


async def test_a_reader_that_holds_is_waited_for_and_the_others_get_nothing_twice() -> None:
    fanout, slow, other = Fanout(), Taking(slow=True), Taking()
    fanout.add(slow, when_slow=HOLD)
    fanout.add(other)
    pouring = asyncio.create_task(pour(source(b"one", b"two"), fanout))
    await eventually(lambda: other.told)

    assert other.told == [b"one"]
    slow.becomes_quick()
    await pouring

    assert slow.told == other.told == [b"one", b"two", ("end",)]


async def test_nobody_waits_any_longer_for_a_reader_that_leaves() -> None:
    fanout, slow, other = Fanout(), Taking(slow=True), Taking()
    reader = fanout.add(slow, when_slow=HOLD)
    fanout.add(other)
    pouring = asyncio.create_task(pour(source(b"one", b"two"), fanout))
    await eventually(lambda: reader.waits is not None)

    reader.leave()
    await pouring

    assert other.told == [b"one", b"two", ("end",)]
    assert (slow.told, reader.why) == ([], None)


async def test_a_source_that_is_given_up_while_it_is_held_is_told_to_all() -> None:
    fanout, slow, other = Fanout(), Taking(slow=True), Taking()
    reader = fanout.add(slow, when_slow=HOLD)
    fanout.add(other)
    pouring = asyncio.create_task(pour(source(b"one", b"two"), fanout))
    await eventually(lambda: reader.waits is not None)

    pouring.cancel()
    await asyncio.wait([pouring])

    await eventually(lambda: slow.waited)
    for told in (slow.told, other.told[1:]):
        (why,) = told
        assert isinstance(why, Abandoned)


async def test_a_body_that_nobody_reads_any_more_is_given_up() -> None:
    fanout = Fanout()
    fanout.add(Taking(), cap=3)
    there = source(b"one", b"two", b"six")

    with pytest.raises(Abandoned):
        await pour(there, fanout)

    assert await there.read() == b"six"


async def test_readers_may_leave_come_and_send_others_away_while_they_are_told() -> None:
    fanout = Fanout(keeps=100)
    late, victim = Taking(), Taking()
    readers: dict[str, Reader] = {}

    class Meddler(Taking):
        def take(self, piece: bytes) -> bool:
            if piece == b"two":
                readers["victim"].leave()
                fanout.add(late)
            if piece == b"six":
                readers["meddler"].leave()
            return super().take(piece)

    meddler = Meddler()
    readers["meddler"] = fanout.add(meddler)
    readers["victim"] = fanout.add(victim)

    await pour(source(b"one", b"two", b"six"), fanout)

    assert victim.told == [b"one"]
    assert meddler.told == [b"one", b"two", b"six"]
    assert late.told == [b"one", b"two", b"six", ("end",)]


# Late readers


def test_one_that_comes_late_is_refused_where_no_beginning_is_kept() -> None:
    fanout = Fanout()
    fanout.add(Taking())
    fanout.take(b"one")

    with pytest.raises(TooLate):
        fanout.add(Taking())


def test_one_that_comes_late_gets_the_beginning_that_is_kept() -> None:
    fanout, late = Fanout(keeps=6), Taking()
    fanout.add(Taking())
    fanout.take(b"one")
    fanout.take(b"two")

    fanout.add(late)
    fanout.take(b"six")
    fanout.end()

    assert late.told == [b"one", b"two", b"six", ("end",)]
    with pytest.raises(TooLate):
        fanout.add(Taking())


def test_a_body_that_grows_over_what_may_be_kept_is_kept_no_longer() -> None:
    fanout = Fanout(keeps=6)
    fanout.add(Taking())
    for piece in (b"one", b"two", b"six"):
        fanout.take(piece)

    assert fanout._beginning.pieces == []
    with pytest.raises(TooLate):
        fanout.add(Taking())


@pytest.mark.parametrize("when_slow", [HOLD, LEAVE])
def test_one_that_comes_late_takes_the_beginning_at_once_or_leaves(when_slow: WhenSlow) -> None:
    fanout, late = Fanout(keeps=6), Taking(slow=True)
    fanout.add(Taking())
    fanout.take(b"one")

    reader = fanout.add(late, when_slow=when_slow)

    assert isinstance(reader.why, TooSlow)
    assert late.told == [reader.why]
    assert fanout.take(b"two")


def test_one_that_comes_while_a_piece_is_held_gets_it_once() -> None:
    fanout, slow, late = Fanout(keeps=6), Taking(slow=True), Taking()
    fanout.add(slow, when_slow=HOLD)
    assert not fanout.take(b"one")

    fanout.add(late)
    slow.slow = False
    assert fanout.take(b"one")

    assert late.told == slow.told == [b"one"]


# Kept, and read by another task


def test_a_beginning_is_kept_until_the_body_is_longer_or_breaks() -> None:
    short, long, broken = Beginning(6), Beginning(5), Beginning(6)
    for one in (short, long, broken):
        assert one.take(b"one")
        assert one.take(b"two")
    short.end()
    broken.broke(BROKEN)
    broken.take(b"")

    assert (short.is_whole, short.pieces) == (True, [b"one", b"two"])
    assert (long.is_whole, long.pieces) == (False, [])
    assert (broken.is_whole, broken.pieces) == (False, [])


async def test_unread_pieces_are_no_more_than_their_cap_or_one_that_is_larger() -> None:
    pieces = Pieces(4)

    assert pieces.take(b"long one")
    assert not pieces.take(b"2")
    assert await pieces.read() == b"long one"
    assert pieces.take(b"1234")
    assert not pieces.take(b"5")


async def test_room_is_there_when_the_piece_that_was_declined_fits() -> None:
    pieces = Pieces(6)
    pieces.take(b"123")
    pieces.take(b"456")
    assert not pieces.take(b"7890")
    waits = asyncio.create_task(pieces.room())

    assert await pieces.read() == b"123"
    await asyncio.sleep(0)
    assert not waits.done()
    assert await pieces.read() == b"456"
    await waits
    assert pieces.take(b"7890")


async def test_what_came_before_a_break_is_read_before_it() -> None:
    pieces = source(b"one", breaks=True)

    assert await pieces.read() == b"one"
    for _ in range(2):
        with pytest.raises(UpstreamReset):
            await pieces.read()


async def test_a_reader_that_closes_is_waited_for_no_longer() -> None:
    fanout, pieces, other = Fanout(), Pieces(1), Taking()
    reader = fanout.add(pieces, when_slow=HOLD)
    fanout.add(other)
    pouring = asyncio.create_task(pour(source(b"one", b"two", b"six"), fanout))
    await eventually(lambda: reader.waits is not None)

    pieces.close()
    await pouring

    assert other.told == [b"one", b"two", b"six", ("end",)]
    assert isinstance(reader.why, Abandoned)
    with pytest.raises(Abandoned):  # unread pieces are lost
        await pieces.read()


# Any order of events


class AnyOrder(RuleBasedStateMachine):
    """Compares a Fanout with a model: its readers, what each must have got, and how it ended."""

    KEEPS = 4

    def __init__(self) -> None:
        super().__init__()
        self.fanout = Fanout(keeps=self.KEEPS)
        self.readers: list[tuple[Reader, Taking]] = []
        self.left: set[int] = set()
        self.body = b""
        #: The piece that a holding reader has declined.
        self.in_hand = b""
        self.lasted: list[object] = []

    def there(self) -> list[tuple[Reader, Taking]]:
        return [(reader, sink) for reader, sink in self.readers if not reader.has_left]

    @property
    def running(self) -> bool:
        return not self.lasted

    @precondition(lambda self: self.running and len(self.readers) < 6)
    @rule(
        when_slow=st.sampled_from(WhenSlow),
        cap=st.none() | st.integers(0, 8),
        slow=st.booleans(),
        wrong=st.sampled_from(["", "", "take", "end", "broke", "take broke"]),
    )
    def one_comes(self, when_slow: WhenSlow, cap: int | None, slow: bool, wrong: str) -> None:
        sink = Taking(slow=slow, wrong=wrong)
        try:
            reader = self.fanout.add(sink, when_slow=when_slow, cap=cap)
        except TooLate:
            assert len(self.body) > self.KEEPS
            assert not sink.told
        else:
            assert len(self.body) <= self.KEEPS
            self.readers.append((reader, sink))

    @precondition(lambda self: self.running)
    @rule(size=st.integers(1, 3))
    def a_piece_comes(self, size: int) -> None:
        if not self.in_hand:
            self.in_hand = bytes(range(len(self.body), len(self.body) + size))
            self.body += self.in_hand
        if self.fanout.take(self.in_hand):
            self.in_hand = b""
            assert self.there()
            assert all(sink.body == self.body for _, sink in self.there())
        else:
            behind = [reader for reader, sink in self.there() if sink.body != self.body]
            assert behind or not self.there()
            assert all(reader.when_slow is HOLD for reader in behind)

    @rule(slow=st.booleans(), which=st.integers(0, 5))
    def one_changes_its_pace(self, slow: bool, which: int) -> None:
        if which < len(self.readers):
            self.readers[which][1].slow = slow

    @rule(which=st.integers(0, 5))
    def one_leaves(self, which: int) -> None:
        if which < len(self.readers):
            reader, _ = self.readers[which]
            if not reader.has_left:
                self.left.add(which)
            reader.leave()

    @precondition(lambda self: self.running and not self.in_hand)
    @rule()
    def it_ends(self) -> None:
        self._last(("end", *FIELDS), lambda: self.fanout.end(FIELDS))

    @precondition(lambda self: self.running)
    @rule()
    def it_breaks(self) -> None:
        self._last(BROKEN, lambda: self.fanout.broke(BROKEN))

    def _last(self, word: object, say: Callable[[], None]) -> None:
        there = self.there()
        say()
        self.lasted.append(word)
        assert all(sink.last_words == [word] for _, sink in there)

    @precondition(lambda self: not self.running)
    @rule()
    def it_breaks_again(self) -> None:
        self.fanout.broke(BROKEN)
        self.fanout.end()

    @invariant()
    def each_has_a_beginning_of_the_body_within_its_cap_and_one_last_word(self) -> None:
        for number, (reader, sink) in enumerate(self.readers):
            assert self.body.startswith(sink.body)
            assert reader.cap is None or len(sink.body) <= reader.cap
            told = 1 if reader.has_left and number not in self.left else 0
            assert len(sink.last_words) == told
            assert not told or sink.told[-1] == sink.last_words[0]

    @invariant()
    def no_more_is_kept_than_was_asked_for(self) -> None:
        assert sum(map(len, self.fanout._beginning.pieces)) <= self.KEEPS
        assert self.running or not self.fanout._beginning.pieces


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)

CUTS = st.lists(st.integers(1, 40), max_size=30)


@settings(max_examples=60)
@given(
    cuts=CUTS,
    caps=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    paces=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    leaves_at=st.none() | st.integers(0, 12),
    breaks=st.booleans(),
)
def test_readers_at_any_pace_get_all_of_it_in_order(
    cuts: Sequence[int],
    caps: Sequence[int],
    paces: Sequence[int],
    leaves_at: int | None,
    breaks: bool,
) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(cuts)]
    body = b"".join(pieces)

    async def read(there: Pieces, number: int, leaves_at: int | None) -> tuple[bytes, str]:
        got = list[bytes]()
        while True:
            for _ in range(paces[(number + len(got)) % len(paces)]):
                await asyncio.sleep(0)
            if leaves_at is not None and len(got) == leaves_at:
                there.close()
                return b"".join(got), "left"
            assert there._unread_bytes <= max(there._cap, 40)
            try:
                piece = await there.read()
            except UpstreamReset:
                return b"".join(got), "broke"
            if not piece:
                return b"".join(got), "end"
            got.append(piece)

    async def feed(to: Sink) -> None:
        there = Pieces(20)

        async def comes() -> None:
            for piece in pieces:
                while not there.take(piece):
                    await there.room()
            there.broke(BROKEN) if breaks else there.end()

        coming = asyncio.create_task(comes())
        await asyncio.wait([asyncio.ensure_future(pour(_checked(there), to))])
        coming.cancel()

    async def run() -> None:
        fanout, readers = Fanout(), [Pieces(cap) for cap in caps]
        first, *others = readers
        for one in readers:
            fanout.add(one, when_slow=HOLD)
        tasks = [asyncio.create_task(read(first, 0, leaves_at))]
        tasks += [
            asyncio.create_task(read(one, number, None)) for number, one in enumerate(others, 1)
        ]
        async with asyncio.timeout(10):
            await feed(fanout)
            (got, how), *rest = await asyncio.gather(*tasks)
        last = "broke" if breaks else "end"
        assert rest == [(body, last)] * len(others)
        assert body.startswith(got)
        assert how in ("left", last)
        assert how == "left" or got == body

    asyncio.run(run())


def _checked(source: Source) -> Source:
    """Let the type checker see Pieces as a Source."""
    return source
