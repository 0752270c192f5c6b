"""Content codings (RFC 9110, section 8.4.1): bodies are decoded and encoded piece by piece, within bounds."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

#: At most about so much comes of one step, whatever a piece holds.
SLICE_BYTES = 64 * 1024
#: So much is decoded at a time: what is behind the end of a gzip member or zstd frame is copied for each of them.
_CUT_BYTES = 16 * 1024
#: A body may become so many times larger, and so much larger in any case; JSON becomes 5 to 50 times larger.
MOST_TIMES = 100
FREE_BYTES = 1024 * 1024
#: A body may be of so many gzip members or zstd frames, and of one more for each so many bytes that they become.
FREE_PARTS = 100
BYTES_A_PART = 128
#: Each coding by all its names; brotli can be read only where its package is installed.
_NAMES = {
    b"gzip": b"gzip",
    b"x-gzip": b"gzip",
    b"deflate": b"deflate",
    b"zstd": b"zstd",
    b"br": b"br",
}
#: Added to a window of zlib's, it asks for gzip's frame.
_WITH_GZIP = 16
#: A zstd body needs no larger window than 8 MiB (RFC 9659), which is also the memory for it.
_ZSTD_WINDOW_LOG = 23


class NotDecoded(Exception):
    """The body is not what its coding says, or it becomes too large."""


class _Steps(Protocol):
    """Decodes in steps of about SLICE_BYTES; `is_whole`: the last byte so far ends the body, or could.

    `parts` is how many parts with a head of their own have begun.
    """

    @property
    def is_whole(self) -> bool: ...

    @property
    def parts(self) -> int: ...

    def steps(self, piece: bytes) -> Iterator[bytes]: ...


class Encoder(Protocol):
    """Encodes a body. `flush` ends what was fed so that a client can read it at once; `finish` ends the body."""

    def feed(self, piece: bytes) -> bytes: ...

    def flush(self) -> bytes: ...

    def finish(self) -> bytes: ...


def is_readable(coding: bytes) -> bool:
    """Whether a body of this coding, in lower case, can be decoded and encoded here."""
    name = _NAMES.get(coding)
    return name is not None and (name != b"br" or _has_brotli())


class Decoder:
    """Decodes a body of one coding; a bomb is left at MOST_TIMES."""

    def __init__(self, coding: bytes) -> None:
        self._steps = _DECODERS[_NAMES[coding]]()
        self._in = 0
        self._out = 0

    def slices(self, piece: bytes) -> Iterator[bytes]:
        """What a piece holds, in slices of about SLICE_BYTES. Raises NotDecoded."""
        self._in += len(piece)
        for begin in range(0, len(piece), _CUT_BYTES):
            for decoded in self._steps.steps(piece[begin : begin + _CUT_BYTES]):
                self._out += len(decoded)
                if self._out > self._in * MOST_TIMES + FREE_BYTES:
                    raise NotDecoded("it becomes too large")
                if self._steps.parts > FREE_PARTS + self._out // BYTES_A_PART:
                    raise NotDecoded("it has too many parts")
                if decoded:
                    yield decoded

    def end(self) -> None:
        """Note that no more comes. Raises NotDecoded if the body lacks its end; an empty one has none."""
        if self._in and not self._steps.is_whole:
            raise NotDecoded("its end is missing")


def encoder(coding: bytes, level: int | None = None, *, is_small: bool = False) -> Encoder:
    """Make the encoder of a readable coding; without a level, one that is fast.

    An encoder takes up to 0.3 MiB (gzip), 0.7 (zstd) or 1.7 (br). A small one is for bodies that last long, and
    takes 60, 230 or 320 KiB; its bodies are a tenth larger.
    """
    return _ENCODERS[_NAMES[coding]](level, is_small)


class _Zlib:
    """gzip, of several members too, and deflate, which some servers send without zlib's frame."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self.is_whole = True
        self.parts = 1

    def steps(self, piece: bytes) -> Iterator[bytes]:
        is_full = False  # then zlib may hold back more than it gave, although it has read all
        while piece or is_full:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(self._window)
                self.parts += 1
            try:
                decoded = self._inflate.decompress(piece, SLICE_BYTES)
            except zlib.error as error:
                raise NotDecoded(str(error)) from error
            self.is_whole = self._inflate.eof
            is_full = len(decoded) == SLICE_BYTES and not self.is_whole
            yield decoded
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data


class _Deflate:
    """Tells by the first two bytes whether zlib's frame is there (RFC 1950, section 2.2)."""

    def __init__(self) -> None:
        self._head = b""
        self._zlib: _Zlib | None = None

    @property
    def is_whole(self) -> bool:
        return self._zlib is not None and self._zlib.is_whole

    @property
    def parts(self) -> int:
        return 0 if self._zlib is None else self._zlib.parts

    def steps(self, piece: bytes) -> Iterator[bytes]:
        if self._zlib is None:
            self._head += piece
            if len(self._head) < 2:
                return
            method, check = self._head[0], int.from_bytes(self._head[:2], "big")
            is_framed = method & 0x0F == zlib.DEFLATED and check % 31 == 0
            self._zlib = _Zlib(zlib.MAX_WBITS if is_framed else -zlib.MAX_WBITS)
            piece, self._head = self._head, b""
        yield from self._zlib.steps(piece)


class _Zstd:
    """zstd, of several frames too."""

    def __init__(self) -> None:
        self._zstd = _zstd()
        self._options = {self._zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._frame = self._zstd.ZstdDecompressor(options=self._options)
        self.is_whole = True
        self.parts = 1

    def steps(self, piece: bytes) -> Iterator[bytes]:
        while piece or not (self._frame.needs_input or self._frame.eof):
            if self._frame.eof:
                self._frame = self._zstd.ZstdDecompressor(options=self._options)
                self.parts += 1
            try:
                yield self._frame.decompress(piece, SLICE_BYTES)
            except self._zstd.ZstdError as error:
                raise NotDecoded(str(error)) from error
            self.is_whole = self._frame.eof
            piece = self._frame.unused_data if self._frame.eof else b""


class _Brotli:
    def __init__(self) -> None:
        self._brotli = _brotli()
        self._stream = self._brotli.Decompressor()
        self.is_whole = False
        self.parts = 1

    def steps(self, piece: bytes) -> Iterator[bytes]:
        is_full = False  # then brotli may hold back more than it gave, although it has read all
        while piece or is_full or not self._stream.can_accept_more_data():
            try:
                decoded = self._stream.process(piece, output_buffer_limit=SLICE_BYTES)
            except self._brotli.error as error:
                raise NotDecoded(str(error)) from error
            self.is_whole = self._stream.is_finished()
            is_full = len(decoded) >= SLICE_BYTES and not self.is_whole
            yield decoded
            piece = b""


class _ZlibEncoder:
    def __init__(self, level: int | None, is_small: bool, window: int, extra: int) -> None:
        level = 4 if level is None else level
        if is_small:
            stream = zlib.compressobj(level, zlib.DEFLATED, window - 2 + extra, memLevel=6)
        else:
            stream = zlib.compressobj(level, zlib.DEFLATED, window + extra)
        self.feed: Callable[[bytes], bytes] = stream.compress
        self._stream = stream

    def flush(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _ZstdEncoder:
    """Has smaller tables than zstd takes by itself: bodies grow by 2 %, and one of 8 KiB takes half the time."""

    def __init__(self, level: int | None, is_small: bool) -> None:
        zstd = _zstd()
        parameter = zstd.CompressionParameter
        window, tables = (15, 13) if is_small else (17, 15)
        stream = zstd.ZstdCompressor(
            options={
                parameter.compression_level: 3 if level is None else level,
                parameter.window_log: window,
                parameter.hash_log: tables,
                parameter.chain_log: tables,
            }
        )
        self._stream = stream
        self.feed: Callable[[bytes], bytes] = stream.compress

    def flush(self) -> bytes:
        return bytes(self._stream.flush(self._stream.FLUSH_BLOCK))

    def finish(self) -> bytes:
        return bytes(self._stream.flush())


class _BrotliEncoder:
    def __init__(self, level: int | None, is_small: bool) -> None:
        quality = 4 if level is None else level
        if is_small:
            stream = _brotli().Compressor(quality=min(quality, 3), lgwin=14)
        else:
            stream = _brotli().Compressor(quality=quality, lgwin=18)
        self.feed: Callable[[bytes], bytes] = stream.process
        self.flush: Callable[[], bytes] = stream.flush
        self.finish: Callable[[], bytes] = stream.finish


_DECODERS: Mapping[bytes, Callable[[], _Steps]] = {
    b"gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    b"deflate": _Deflate,
    b"zstd": _Zstd,
    b"br": _Brotli,
}
_ENCODERS: Mapping[bytes, Callable[[int | None, bool], Encoder]] = {
    b"gzip": lambda level, small: _ZlibEncoder(level, small, zlib.MAX_WBITS, _WITH_GZIP),
    b"deflate": lambda level, small: _ZlibEncoder(level, small, zlib.MAX_WBITS, 0),
    b"zstd": _ZstdEncoder,
    b"br": _BrotliEncoder,
}


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _brotli() -> Any:
    import brotli

    return brotli


@cache
def _has_brotli() -> bool:
    return find_spec("brotli") is not None
