"""The policies that are measured: each alone, and all together, beside the same requests without them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from bench.answers import ITEMS, PAGE, SMALL
from bench.workloads import POST, UNIQUE, Workload

NONE: Final = "none"
#: The service that gets the copies of a mirror.
COPIES: Final = "copies_service"
#: All requests have these, so that those with and without a policy are the same.
_FIELDS = {
    **UNIQUE.fields,
    "X-Debug": "1",
    "X-Old": "{id}",
    "Accept-Version": "1",
}
_QUERY = "?symbol=BTCUSDT&debug=1&request={id}"


def _get(name: str, title: str, target: str, answer: bytes) -> Workload:
    return Workload(
        name,
        title,
        f"{target}{_QUERY}",
        _FIELDS,
        host=host_of(NONE),
        answer=answer.decode(),
    )


def host_of(name: str) -> str:
    return f"{name}.example.com"


#: The requests without a policy.
GET = _get("get", "GET, 82 bytes", "/unique", SMALL)
GET_ITEMS = _get("get of 1 KiB", "GET, 1 KiB", "/items", ITEMS)
GET_PAGE = _get("get of 8 KiB", "GET, 8 KiB", "/page", PAGE)
ORDER = replace(
    POST,
    name="post of 1 KiB",
    title="POST of 1 KiB",
    target=f"/unique{_QUERY}",
    fields=_FIELDS,
    host=host_of(NONE),
)

REQUEST_HEADERS = (
    "{set: {X-Tenant: bench}, add: {X-Seen: '1'}, remove: [X-Debug], rename: {X-Old: X-New}}"
)
RESPONSE_HEADERS = "{set: {X-Frame-Options: DENY, X-Served-By: lockgate}, remove: [Server]}"
QUERY = "{set: {v: '2'}, remove: [debug]}"
JSON = "[{remove: /internal}]"
VERSIONS = "versions: {from: [{header: Accept-Version}], default: '1'}"
SPLIT = "split: {shares: {'>=2': 5, '^1': 95}}"
GZIP = "compress: {encodings: [gzip], level: {gzip: 5}}"
VALIDATE = "validate: enforce"


def _mirror(share: int) -> str:
    return f"mirror: {{to: {{service: {COPIES}}}, share: {share}}}"


@dataclass(frozen=True, slots=True)
class Case:
    """One policy. `keys` is what the route says in Lockgate's file, `base` the requests without it.

    `answer` is what the client reads, decoded; empty: that of the origin.
    """

    name: str
    title: str
    keys: str
    base: Workload
    answer: bytes = b""
    accepts: str = ""
    coding: str = ""

    @property
    def workload(self) -> Workload:
        fields: Mapping[str, str] = self.base.fields
        if self.accepts:
            fields = MappingProxyType({**fields, "Accept-Encoding": self.accepts})
        return replace(
            self.base,
            name=self.name,
            title=self.title,
            fields=fields,
            host=host_of(self.name),
            answer=self.answer.decode() or self.base.answer,
            coding=self.coding,
        )


def without_internal(document: bytes) -> bytes:
    """The document as JSON rules leave it: the bytes of all other members stay."""
    member = json.dumps(json.loads(document)["internal"])
    return document.replace(f'"internal": {member}, '.encode(), b"", 1)


_ALL = (
    f"request: {{headers: {REQUEST_HEADERS}, query: {QUERY}}}",
    f"response: {{headers: {RESPONSE_HEADERS}, json: {JSON}}}",
    GZIP,
    VERSIONS,
    SPLIT,
    VALIDATE,
    _mirror(10),
)
CASES: Final = (
    Case("request-headers", "request headers", f"request: {{headers: {REQUEST_HEADERS}}}", GET),
    Case("response-headers", "response headers", f"response: {{headers: {RESPONSE_HEADERS}}}", GET),
    Case("query", "query", f"request: {{query: {QUERY}}}", GET),
    Case(
        "json",
        "JSON member removed, 1 KiB",
        f"response: {{json: {JSON}}}",
        GET_ITEMS,
        without_internal(ITEMS),
    ),
    Case("gzip", "gzip, 8 KiB", GZIP, GET_PAGE, coding="gzip"),
    Case("zstd", "zstd, 8 KiB", "compress: {}", GET_PAGE, accepts="zstd", coding="zstd"),
    Case("versions", "version by header", VERSIONS, GET),
    Case("split", "split, 5 and 95", SPLIT, GET),
    Case("validate", "validated, POST of 1 KiB", VALIDATE, ORDER),
    Case("mirror-0", "mirror, share 0", _mirror(0), GET),
    Case("mirror-10", "mirror, share 10", _mirror(10), GET),
    Case(
        "all", "all together, 8 KiB", ", ".join(_ALL), GET_PAGE, without_internal(PAGE), "", "gzip"
    ),
)
BASES: Final = (GET, GET_ITEMS, GET_PAGE, ORDER)
#: Every workload by its name.
OF_POLICIES: Final = {one.name: one for one in (*BASES, *(case.workload for case in CASES))}
