"""Changes messages: bytes, lines, values, and parts of two messages put together."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

_ODD_BYTES = bytes([0, 9, 10, 11, 12, 13, 32, 44, 58, 59, 127, 128, 133, 160, 255])
#: A changed message is changed once more with this probability.
_MORE = 0.4
_CRLF = b"\r\n"


class Mutations:
    """Changes `seeds`, with lines and values of any of them."""

    def __init__(self, rng: Random, seeds: Sequence[bytes]) -> None:
        self._rng = rng
        self._seeds = seeds
        heads = (seed.partition(b"\r\n\r\n")[0].splitlines() for seed in seeds)
        self._lines = [line for head in heads for line in head[1:] if line]
        self._values = [line.partition(b":")[2].strip() for line in self._lines]
        self._changes: tuple[Callable[[bytes], bytes], ...] = (
            *(self._flip, self._insert, self._delete, self._double, self._swap, self._drop),
            *(self._add, self._add, self._revalue, self._revalue, self._recase, self._splice),
        )

    def __iter__(self) -> Iterator[bytes]:
        rng = self._rng
        while True:
            data = rng.choice(self._seeds)
            yield rng.choice(self._changes)(data)
            while rng.random() < _MORE:
                data = rng.choice(self._changes)(data)
                yield data

    def _flip(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([data[at] ^ 1 << self._place(b"8" * 8)]) + data[at + 1 :]

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([self._rng.choice(_ODD_BYTES)]) + data[at:]

    def _delete(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + data[at + 1 + self._place(b"12") :] if len(data) > 4 else data

    def _recase(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + data[at : at + 9].swapcase() + data[at + 9 :]

    def _splice(self, data: bytes) -> bytes:
        other = self._rng.choice(self._seeds)
        return data[: self._place(data) + 1] + other[self._place(other) :]

    def _double(self, data: bytes) -> bytes:
        lines = data.split(_CRLF)
        lines.insert(self._place(lines), self._rng.choice(lines))
        return _CRLF.join(lines)

    def _swap(self, data: bytes) -> bytes:
        lines = data.split(_CRLF)
        one, other = self._place(lines), self._place(lines)
        lines[one], lines[other] = lines[other], lines[one]
        return _CRLF.join(lines) or data

    def _drop(self, data: bytes) -> bytes:
        lines = data.split(_CRLF)
        del lines[self._place(lines)]
        return _CRLF.join(lines) or data

    def _add(self, data: bytes) -> bytes:
        first, end, rest = data.partition(_CRLF)
        return first + _CRLF + self._rng.choice(self._lines) + (end and _CRLF) + rest

    def _revalue(self, data: bytes) -> bytes:
        lines = data.split(_CRLF)
        at = self._place(lines)
        name, colon, _ = lines[at].partition(b": ")
        if colon:
            lines[at] = name + colon + self._rng.choice(self._values)
        return _CRLF.join(lines)

    def _place(self, of: Sequence[object]) -> int:
        return int(self._rng.random() * len(of))
