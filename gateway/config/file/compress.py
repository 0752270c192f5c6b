"""Which answers are compressed, and how."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from gateway.config.file.numbers import size, whole_number
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import Section, Some, Wrong
from gateway.config.file.wording import or_nearest, quoted_list
from middlewares.codings import is_readable
from middlewares.compress.policy import CODINGS, DEFAULT_LEVELS, DEFAULT_TYPES

_NAME = "[!#$%&'+.^_`|~0-9A-Za-z-]+"
#: A type, all types of a kind, or those with a suffix (RFC 6839).
_TYPE = re.compile(rf"{_NAME}/(?:{_NAME}|\*(?:\+{_NAME})?)")
#: What is installed with which extra.
_EXTRAS = {b"br": "brotli", b"zstd": "gateway"}
_NAMES = tuple(coding.decode() for coding in CODINGS)
_OTHER_NAMES = {"brotli": "br", "zstandard": "zstd", "x-gzip": "gzip", "zlib": "gzip"}


def _media_type(value: object) -> str:
    rule = "must be a media type such as application/json, text/* or application/*+json"
    text = text_of(value, rule)
    if not _TYPE.fullmatch(text):
        raise ValueError(rule)
    return text


def _encoding(value: object) -> str:
    rule = f"must be one of {', '.join(_NAMES)}"
    text = text_of(value, rule)
    if text not in _NAMES:
        meant = _OTHER_NAMES.get(text.lower(), text)
        raise ValueError(
            f"there is no encoding {quoted_list([text])}{or_nearest(meant, _NAMES, f'; {rule}')}"
        )
    coding = text.encode()
    if not is_readable(coding):
        raise ValueError(
            f"{text} needs a package that is not installed: "
            f'pip install "lockgate[{_EXTRAS[coding]}]"; or leave {text} out'
        )
    return text


MediaType = Annotated[
    str,
    Parsed(_media_type, "media type", {"type": "string", "pattern": f"^(?:{_TYPE.pattern})$"}),
]
Encoding = Annotated[str, Parsed(_encoding, ", ".join(_NAMES), {"enum": list(_NAMES)})]


class Levels(Section):
    """How hard each encoding tries: more makes smaller bodies and takes more CPU."""

    zstd: Annotated[int, whole_number(1, 12)] = Field(
        default=DEFAULT_LEVELS[b"zstd"], description="The level of zstd.", examples=[3]
    )
    br: Annotated[int, whole_number(0, 6)] = Field(
        default=DEFAULT_LEVELS[b"br"], description="The quality of brotli.", examples=[4]
    )
    gzip: Annotated[int, whole_number(1, 9)] = Field(
        default=DEFAULT_LEVELS[b"gzip"], description="The level of gzip.", examples=[5]
    )


class Compress(Section):
    """Which answers are compressed for clients that accept it; `{}` takes every default."""

    types: Some[MediaType] = Field(
        default=tuple(one.decode() for one in DEFAULT_TYPES),
        description="Media types of answers that are compressed; `text/*` is every one of that kind, "
        "`application/*+json` every one with that suffix.",
        examples=[["text/*", "application/json"]],
        json_schema_extra={"default": [one.decode() for one in DEFAULT_TYPES]},
    )
    over_bytes: Annotated[int, size("0B", "1GiB")] = Field(
        default=1024,
        alias="over",
        description="Only larger bodies are compressed, and those whose length nobody has said.",
        examples=["1KiB"],
        json_schema_extra={"default": "1KiB"},
    )
    encodings: Some[Encoding] = Field(
        default=tuple(name for name in _NAMES if is_readable(name.encode())),
        description="The encodings in use, the first preferred where a client prefers none; br needs the extra "
        "`brotli`, and is left out without it.",
        examples=[["zstd", "br", "gzip"]],
        json_schema_extra={"default": list(_NAMES)},
    )
    level: Levels = Field(
        default=Levels(),
        description="How hard each encoding tries.",
        examples=[{"zstd": 3, "br": 4, "gzip": 5}],
        json_schema_extra={"default": {name: DEFAULT_LEVELS[name.encode()] for name in _NAMES}},
    )
    event_streams: Flag = Field(
        default=False,
        description="Compress event streams too, and send what each event becomes at once.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        seen: set[str] = set()
        for index, one in enumerate(self.types):
            if one.lower() in seen:
                yield Wrong(("types", index), "the type is there already, in another case")
            seen.add(one.lower())
        for name in self.level.model_fields_set:
            if "encodings" in self.model_fields_set and name not in self.encodings:
                yield Wrong(("level", name), f"{name} is not among encodings", at_key=True)
