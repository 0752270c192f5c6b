"""Answers to requests of plain HTTP on the port of `redirect_from`: to https, or what ACME asks for."""

import re
from collections.abc import Callable
from typing import Final

_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.[01]")
_HOST: Final = re.compile(rb"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_ABSOLUTE: Final = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
CHALLENGES: Final = b"/.well-known/acme-challenge/"
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{1,256}")

#: The content of an ACME challenge (HTTP-01) by its token; None: there is none.
ChallengeOf = Callable[[str], str | None]


def challenge_in(head: bytes) -> str | None:
    """The token of the challenge that a request's head asks for; None: it asks for something else."""
    asked = _LINE.fullmatch(head.partition(b"\r\n")[0])
    target = _ABSOLUTE.sub(b"", asked[2], count=1) if asked else b""
    token = target.removeprefix(CHALLENGES)
    return token.decode("ascii") if token != target and _TOKEN.fullmatch(token) else None


def answer_to(head: bytes, https_port: int, challenge_of: ChallengeOf) -> bytes:
    """The whole answer to a request's head; the connection ends with it."""
    lines = head.split(b"\r\n")
    asked = _LINE.fullmatch(lines[0])
    hosts = [line[5:].strip(b" \t") for line in lines[1:] if line[:5].lower() == b"host:"]
    host = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if asked is None or host is None:
        return _answer(b"400 Bad Request", b"", b"this request is not valid HTTP\n")
    is_head = asked[1] == b"HEAD"
    target = _ABSOLUTE.sub(b"", asked[2], count=1)
    if target.startswith(CHALLENGES):
        return _challenge(target.removeprefix(CHALLENGES), challenge_of, is_head=is_head)
    if target.startswith(b"?"):  # http://shop.example?page=2
        target = b"/" + target
    elif not target.startswith(b"/"):  # `OPTIONS *`, CONNECT
        target = b"/"
    port = b"" if https_port == 443 else b":%d" % https_port
    # 308: the method stays what it is.
    location = b"Location: https://%b%b%b\r\n" % (host[1], port, target)
    return _answer(b"308 Permanent Redirect", location, b"", is_head=is_head)


def _challenge(token: bytes, challenge_of: ChallengeOf, *, is_head: bool) -> bytes:
    text = challenge_of(token.decode("ascii")) if _TOKEN.fullmatch(token) else None
    if text is None:
        return _answer(b"404 Not Found", b"", b"there is no such challenge\n", is_head=is_head)
    return _answer(b"200 OK", b"", text.encode("ascii"), is_head=is_head)


def _answer(status: bytes, field: bytes, body: bytes, *, is_head: bool = False) -> bytes:
    kind = b"Content-Type: text/plain; charset=utf-8\r\n" if body else b""
    head = b"HTTP/1.1 %b\r\n%b%bContent-Length: %d\r\nServer: lockgate\r\nConnection: close\r\n\r\n"
    return head % (status, field, kind, len(body)) + (b"" if is_head else body)
