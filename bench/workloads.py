"""The requests of the hop's measurements; but for the last workload, no request is like another.

A workload is a template: `{id}` stands for 16 hexadecimal digits and `{address}` for an IPv4 address,
which are new in each request. `{route of 100}` is a number below 100 by chance, and `{host of 50}` that
number modulo 50. The origins' answers are new too, see `bench/origin.py`.
"""

import itertools
import random
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_MARKER = re.compile(r"(\{id\}|\{address\}|\{(?:route|host) of \d+\})")
_OF = re.compile(r"\{(route|host) of (\d+)\}")
_ADDRESSES = 1 << 22  # of 100.64.0.0/10, in which no client of a real network is met

_OF_A_CLIENT = {
    "User-Agent": "prices/2.4 (linux)",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "X-Correlation-ID": "{id}{id}",
    "traceparent": "00-{id}{id}-{id}-01",
    "Cookie": "session={id}{id}; theme=dark",
}
#: What Chrome sends; with Host these are 14.
_OF_A_BROWSER = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": "https://app.example.com/dashboard?tab=prices",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cookie": "session={id}{id}; theme=dark; consent=yes",
}
_OF_A_PROXY = {
    "X-Forwarded-For": "{address}",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example.com",
    "Via": "1.1 edge.example.net",
    "tracestate": "edge={id}",
}
_QUERY = "?symbol=BTCUSDT&request={id}"
_ORDER = '{"order":"{id}","symbol":"BTCUSDT","side":"buy","quantity":"0.25","note":""}'


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of one kind. `target` is the origin's; `status` is that of the answer.

    With a `host` they go to configured routes, which pass the target on as it is. `is_remembered`: an answer
    may be one that was given before. `answer` is the body that the client reads, once it has undone `coding`;
    empty: that of the origin.
    """

    name: str
    title: str
    target: str
    fields: Mapping[str, str] = field(default_factory=lambda: _OF_A_CLIENT)
    method: str = "GET"
    body: str = ""
    status: int = 200
    host: str = ""
    is_remembered: bool = False
    answer: str = ""
    coding: str = ""

    def template(self, host: str, prefix: str) -> str:
        """The whole request to a proxy that strips the prefix, unless a configured route takes it."""
        if self.host:
            host, prefix = self.host, ""
        fields = {"Host": host, **self.fields}
        if self.body:
            fields |= {
                "Content-Type": "application/json",
                "Content-Length": str(len(filled(self.body, "0" * 16, ""))),
            }
        lines = [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join((f"{self.method} {prefix}{self.target} HTTP/1.1", *lines, "", ""))
        return head + self.body


def filled(template: str, id_: str, address: str) -> str:
    return template.replace("{id}", id_).replace("{address}", address)


def requests(template: str, run: str) -> Iterator[bytes]:
    """The template's requests without end; `run` is 8 hexadecimal digits, see `new_run`."""
    pieces = _MARKER.split(template)
    numbers = {piece: (of[1], int(of[2])) for piece in pieces if (of := _OF.fullmatch(piece))}
    routes = max((most for kind, most in numbers.values() if kind == "route"), default=1)
    first = int(run, 16)
    chance = random.Random(first)
    for number in itertools.count(1):
        new = {"{id}": f"{run}{number:08x}", "{address}": _address(first + number)}
        if numbers:
            route = chance.randrange(routes)
            new |= {piece: str(route % most) for piece, (_, most) in numbers.items()}
        yield "".join([new.get(piece, piece) for piece in pieces]).encode("ascii")


def new_run() -> str:
    """What the ids of one run begin with, so that it does not repeat another run's requests."""
    return secrets.token_hex(4)


def _address(number: int) -> str:
    number %= _ADDRESSES
    return f"100.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _padded(body: str, length: int) -> str:
    """The JSON text with so much in its last member that it has this length when it is sent."""
    missing = length - len(filled(body, "0" * 16, ""))
    return f"{body[:-2]}{'x' * missing}{body[-2:]}"


UNIQUE = Workload("unique", "GETs that do not repeat", f"/unique{_QUERY}")
POST = Workload(
    "post",
    "POSTs of 1 KiB",
    f"/unique{_QUERY}",
    method="POST",
    body=_padded(_ORDER, 1024),
)
FORWARDED = Workload(
    "forwarded",
    "GETs that come through another proxy",
    f"/unique{_QUERY}",
    {**_OF_A_CLIENT, **_OF_A_PROXY},
)
CHUNKED = Workload("chunked", "Answers in chunks", f"/chunked{_QUERY}")
REPEATING = Workload(
    "repeating",
    "The same GET each time",
    "/small?symbol=BTCUSDT&request=0123456789abcdef",
    {name: filled(value, "0123456789abcdef", "") for name, value in _OF_A_CLIENT.items()},
    is_remembered=True,
)
WORKLOADS = {
    workload.name: workload
    for workload in (
        UNIQUE,
        Workload("browser", "A browser's 14 fields", "/unique", _OF_A_BROWSER),
        POST,
        FORWARDED,
        CHUNKED,
        Workload(
            "unmodified",
            "Answers 304",
            f"/unmodified{_QUERY}",
            {**_OF_A_CLIENT, "If-None-Match": '"{id}{id}"'},
            status=304,
        ),
        Workload("large", "Answers of 64 KiB", f"/large{_QUERY}"),
        REPEATING,
    )
}
