"""Which share of a route's clients gets which versions or service, and when that changes by itself."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from gateway.config.file.http_texts import CookieName, FieldName
from gateway.config.file.numbers import Share, choice, duration, whole_number
from gateway.config.file.parsed import Parsed, is_number, text_of
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, Some, Wrong, kind_of
from gateway.config.file.wording import or_nearest, quoted, quoted_list
from middlewares.version_ranges import parse_range

#: A request is hashed once for each share.
MOST_SHARES = 16
_GREATEST = 1_000_000
_SERVICE = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_WHOLE = 100
_WAYS = "client, subject, {header: NAME} or {cookie: NAME}"


def is_service(name: str) -> bool:
    """Whether a share is named by a service, and not by a range of versions."""
    return _SERVICE.fullmatch(name) is not None


def _share_name(value: object) -> str:
    rule = 'must be a range of versions, such as ">=2" or "^1", or the name of a service'
    text = text_of(value, rule)
    if not is_service(text):
        try:
            parse_range(text)
        except ValueError as error:
            raise ValueError(f"{rule}: {error}" if text else rule) from None
    return text


def _weight(value: object) -> float:
    if is_number(value) and 0 <= value <= _GREATEST:
        return float(value)
    raise ValueError(f"must be a number from 0 to {_GREATEST:,}, such as 5")


def _percent(value: object) -> float:
    if is_number(value) and 0 < value <= _WHOLE:
        return float(value)
    raise ValueError("must be a percentage above 0 and up to 100, such as 25")


def _times(value: object) -> float:
    if is_number(value) and 1 <= value <= 1000:
        return float(value)
    raise ValueError("must be a number from 1 to 1,000, such as 1.5 for half as long again")


ShareName = Annotated[
    str, Parsed(_share_name, "range or service", {"type": "string", "minLength": 1})
]
Weight = Annotated[
    float,
    Parsed(_weight, "number from 0", {"type": "number", "minimum": 0, "maximum": _GREATEST}),
]
Percent = Annotated[
    float,
    Parsed(
        _percent,
        "percentage",
        {"type": "number", "exclusiveMinimum": 0, "maximum": _WHOLE},
    ),
]
Times = Annotated[
    float, Parsed(_times, "number from 1", {"type": "number", "minimum": 1, "maximum": 1000})
]


class Named(Section):
    """A header or a cookie."""

    exactly_one: ClassVar[tuple[str, ...]] = ("header", "cookie")

    header: FieldName | None = Field(
        default=None, description="The name of a header.", examples=["X-User"]
    )
    cookie: CookieName | None = Field(
        default=None, description="The name of a cookie.", examples=["sid"]
    )


By = Annotated[
    Annotated[
        Literal["client", "subject"],
        choice("client", "subject", words="{header: NAME} or {cookie: NAME}"),
        Tag(TEXT),
    ]
    | Annotated[Named, Tag(MAPPING)],
    Discriminator(kind_of, custom_error_type=AT_VALUE, custom_error_message=f"must be {_WAYS}"),
]


class Rollback(Section):
    """How much worse than all other shares the canary may be; `{}` takes every default."""

    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["errors", "latency"])

    errors: Share | None = Field(
        default=0.02,
        description="How much larger the part of its requests may be that fail: an answer with 500 or more, or "
        "none; null: that does not matter.",
        examples=[0.02],
    )
    latency: Times | None = Field(
        default=1.5,
        description="How many times as long its answers may take; null: that does not matter.",
        examples=[1.5],
    )
    over_s: Annotated[float, duration("1s", "1d")] = Field(
        default=60.0,
        alias="over",
        description="Requests of this time, up to now, are looked at.",
        examples=["60s"],
        json_schema_extra={"default": "60s"},
    )
    requests: Annotated[int, whole_number(1, 1_000_000)] = Field(
        default=20,
        description="The fewest requests of each side in this time; nothing is said of fewer.",
        examples=[20],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.errors is None and self.latency is None:
            yield Wrong(("latency",), "can't be null beside errors: nothing would be a breach")


class Split(Section):
    """Which share of the clients gets which versions or service; each client stays where it is."""

    needs: ClassVar[Mapping[str, str | tuple[str, ...]]] = {"over": "steps", "requests": "steps"}
    stand_ins: ClassVar[Mapping[str, object]] = {"shares": {"1": 1, "2": 0}}
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["override", "rollback"])

    by: By = Field(
        default="client",
        description="What a client is known by: its address, its subject, or the value of a header or cookie; who "
        "has none goes by the address.",
        examples=["subject"],
    )
    shares: Mapping[ShareName, Weight] = Field(
        description="Weights of ranges of the service's versions, or of other services. They need not add up to "
        "100; 0: nobody but testers.",
        examples=[{">=2": 5, "^1": 95}],
    )
    canary: ShareName | None = Field(
        default=None,
        description="The share that `steps` and `rollback` are about; left out: the smallest one.",
        examples=[">=2"],
    )
    steps: Some[Percent] = Field(
        default=(),
        description="Percentages that the canary gets one after the other, from the one that `shares` give it.",
        examples=[[1, 5, 25, 100]],
    )
    over_s: Annotated[float, duration("1s", "30d")] = Field(
        default=600.0,
        alias="over",
        description="How long each step lasts at least.",
        examples=["10m"],
        json_schema_extra={"default": "10m"},
    )
    requests: Annotated[int, whole_number(0, 1_000_000_000)] = Field(
        default=100,
        description="The fewest requests of the canary at a step before the next one.",
        examples=[100],
    )
    rollback: Rollback | None = Field(
        default=None,
        description="When the canary is too bad; left out: with `steps` as by its defaults, else never; null: never.",
        examples=[{"errors": 0.02, "latency": 1.5, "over": "60s"}],
    )
    on_breach: Annotated[str, choice("rollback", "freeze")] = Field(
        default="rollback",
        description="What follows then. rollback: the canary gets nobody any more; freeze: the shares stay, and no "
        "step follows.",
        examples=["freeze"],
    )
    override: Named | None = Field(
        default=None,
        description="A header or cookie by which testers choose a share, or a version of one, whatever its "
        "weight; null: none.",
        examples=[{"header": "X-Version"}],
    )

    @property
    def meant_canary(self) -> str | None:
        """The canary; None: two shares are the smallest."""
        if self.canary is not None:
            return self.canary
        least = min(self.shares.values())
        smallest = [name for name, weight in self.shares.items() if weight == least]
        return smallest[0] if len(smallest) == 1 else None

    @property
    def is_watched(self) -> bool:
        """Whether something becomes of it by its evidence."""
        return bool(self.steps) or self.rollback is not None

    def wrong(self) -> Iterable[Wrong]:
        yield from self._wrong_shares()
        if "on_breach" in self.model_fields_set and not self.is_watched:
            yield Wrong(("on_breach",), "needs rollback or steps, which are not there", at_key=True)
        for index, (one, other) in enumerate(zip(self.steps, self.steps[1:], strict=False)):
            if other <= one:
                yield Wrong(("steps", index + 1), "must be more than the step before it")

    def _wrong_shares(self) -> Iterator[Wrong]:
        names = list(self.shares)
        if not 1 < len(names) <= MOST_SHARES:
            yield Wrong(("shares",), f"must have from 2 to {MOST_SHARES} shares")
            return
        if not any(self.shares.values()):
            yield Wrong(("shares",), "one share at least must be more than 0")
        seen: dict[str, str] = {}
        for name in names:
            same = name if is_service(name) else parse_range(name).text
            if same in seen:
                yield Wrong(("shares", name), f"is the same as {quoted(seen[same])}", at_key=True)
            seen.setdefault(same, name)
        if self.canary is not None and self.canary not in self.shares:
            there = f"; there are {quoted_list(names)}"
            yield Wrong(
                ("canary",),
                f"there is no share {quoted(self.canary)}{or_nearest(self.canary, names, there)}",
            )
        elif self.is_watched and self.meant_canary is None:
            yield Wrong(
                ("shares",),
                "two shares are the smallest; say with canary which of them is watched",
            )
