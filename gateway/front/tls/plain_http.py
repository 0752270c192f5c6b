"""The answer to a client that speaks plain HTTP to a port of TLS."""

import re
import uuid
from typing import Final

import orjson

from middlewares.failures import BadRequest
from middlewares.problems import PROBLEMS, problem_document

_METHOD: Final = re.compile(rb"[A-Z]{3,16}(?: |\Z)")
_HOST: Final = re.compile(
    rb"\r\nhost:[ \t]*([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)[ \t]*\r\n", re.IGNORECASE
)
_TLS_HANDSHAKE: Final = 0x16


def is_tls(data: bytes | memoryview) -> bool:
    """Whether the first bytes of a client begin a handshake."""
    return data[0] == _TLS_HANDSHAKE


def is_http(data: bytes) -> bool:
    """Whether the first bytes of a client begin a request of plain HTTP."""
    return _METHOD.match(data) is not None


def use_https(data: bytes) -> bytes:
    """A whole answer that says what to do, to a client's first bytes."""
    host = _HOST.search(data)
    where = f"https://{host[1].decode('ascii')}" if host else "https"
    correlation_id = str(uuid.uuid4())
    problem = PROBLEMS[BadRequest]
    detail = f"this port speaks TLS, and the request came in plain HTTP: use {where}"
    body = orjson.dumps(problem_document(problem, detail, correlation_id))
    head = (
        f"HTTP/1.1 {problem.status} Bad Request\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Correlation-ID: {correlation_id}\r\n"
        "Server: lockgate\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (b"" if data.startswith(b"HEAD ") else body)
