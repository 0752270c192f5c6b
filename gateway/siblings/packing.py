"""Large JSON on its way to a sibling: as a short text, which the master only passes on."""

import asyncio
import base64
import zlib
from typing import Any

import orjson

#: The quickest that zlib has: samples of metrics become a tenth by it.
_LEVEL = 1


async def packed(document: Any) -> str:
    """The document as a text; made in a thread, since a large one takes milliseconds."""
    return await asyncio.to_thread(_pack, document)


async def unpacked(text: str) -> Any:
    """The document of such a text."""
    return await asyncio.to_thread(_unpack, text)


def _pack(document: Any) -> str:
    return base64.b64encode(zlib.compress(orjson.dumps(document), _LEVEL)).decode("ascii")


def _unpack(text: str) -> Any:
    return orjson.loads(zlib.decompress(base64.b64decode(text)))
