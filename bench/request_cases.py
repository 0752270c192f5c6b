"""gunicorn's cases of valid and invalid requests (a suite that others wrote), sent to the gateway.

Its sdist has a file of bytes for each case, and a file that says what a server reads there: requests,
or an error. A mirror stands behind the gateway, so an answer shows what an instance had to read.
Cases about gunicorn's own settings and limits are left out.
"""

import asyncio
import contextlib
import importlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Any

from bench.peers import lockgate
from bench.peers.peer import WHEELS
from bench.processes import THIS_TREE, Running, free_port, until_routed
from bench.report import Bar
from bench.stage import Stage

SUITE = WHEELS / "gunicorn"
MIRROR = "mirror"
PREFIX = f"/api/{MIRROR}".encode()
ANSWERS_WITHIN_S = 2.0

REQUEST_LINE = re.compile(rb"^([^\r\n/]* )(/[^\r\n]* HTTP/[^\r\n]*\r\n)", re.MULTILINE)
HOST = re.compile(rb"^host:", re.IGNORECASE | re.MULTILINE)
#: Fields that differ at each hop.
OF_THE_HOP = {"CONNECTION", "HOST", "KEEP-ALIVE", "TRANSFER-ENCODING"}

_CODED = "A transfer coding besides chunked is refused; RFC 9112 knows no `identity` any more"
_FRAGMENT = "A target has no fragment (RFC 9112, section 3.2)"
#: Cases that the gateway decides otherwise, and why.
EXPLAINED = {
    "valid/005": _FRAGMENT,
    "valid/009": _FRAGMENT,
    "valid/013": "aiohttp's parser refuses a space behind a chunk's `;`, which RFC 9112 has readers take",
    "valid/023": "A request in chunks is a connection's last: docs/decisions/0003",
    "valid/025": _CODED,
    "valid/025_line": _CODED,
    "valid/027": "A target is ASCII (RFC 3986)",
    "valid/029": _CODED,
    "valid/030": _CODED,
    "valid/031": "aiohttp's parser takes registered methods only",
    "valid/099": "The body is shorter than its Content-Length: the gateway waits for the rest",
}
UNEXPLAINED = Bar("gunicorn's cases that end otherwise than the suite says, unexplained", 0)


@dataclass(frozen=True, slots=True)
class Case:
    """`requests`: what `sent` must be read as; empty if it must be refused."""

    name: str
    sent: bytes
    requests: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def is_problem(self) -> bool:
        """Whether it is the gateway's own answer: the mirror sends no problem."""
        return self.content_type == "application/problem+json"


def run(stage: Stage) -> None:
    report = stage.report
    report.title("gunicorn's cases of requests")
    if not SUITE.is_dir():
        report.say("gunicorn's sdist is not there: see bench/make-venv")
        return
    port = free_port()
    server = [sys.executable, "-m", "bench.mirror", str(port)]
    folder = stage.folder / MIRROR
    with (
        Running(server, core=stage.load_core, folder=folder, port=port, environment=THIS_TREE),
        stage.proxies(stage.chosen(lockgate.NAME)) as (proxy,),
    ):
        lockgate.register(proxy.port, MIRROR, port)
        until_routed(f"http://127.0.0.1:{proxy.port}/api/{MIRROR}/")
        ended = asyncio.run(_judged(list(_cases()), proxy.port))
    others = {name: wrong for name, wrong in ended.items() if wrong}
    unexplained = others.keys() - EXPLAINED.keys()
    rows = []
    for kind in ("valid", "invalid"):
        of_kind = {name for name in ended if name.startswith(f"{kind}/")}
        as_said = len(of_kind - others.keys())
        explained = len((of_kind & others.keys()) - unexplained)
        rows.append((kind, str(len(of_kind)), str(as_said), str(explained)))
    report.table(("", "cases", "end as the suite says", "otherwise, explained"), rows)
    verdict = report.bar(UNEXPLAINED, len(unexplained), str(len(unexplained)))
    report.say(f"{UNEXPLAINED.what}: {len(unexplained)}, {verdict}")
    for name in sorted(others):
        report.say(f"- {name}: {others[name]}. {EXPLAINED.get(name, 'Not explained')}.")


def _cases() -> Iterator[Case]:
    sys.path[:0] = [str(SUITE), str(SUITE / "tests")]
    treq = importlib.import_module("treq")
    for path in sorted((SUITE / "tests" / "requests").glob("*/*.http")):
        about = path.with_suffix(".py")
        expected = treq.load_py(str(about))["request"]
        of_its_own = "cfg.set(" in about.read_text("utf-8")
        if of_its_own or getattr(expected, "__name__", "").startswith("Limit"):
            continue
        case = treq.request(str(path), expected)
        valid = path.parent.name == "valid"
        sent = _routed(case.data, len(case.expect))
        yield Case(f"{path.parent.name}/{path.stem}", sent, case.expect if valid else [])


def _routed(sent: bytes, requests: int) -> bytes:
    """The case with the service's prefix in front of each path, and a Host, which most cases lack."""

    def line(match: re.Match[bytes]) -> bytes:
        head = sent[match.start() :].partition(b"\r\n\r\n")[0]
        host = b"" if HOST.search(head) else b"Host: h\r\n"
        return match[1] + PREFIX + match[2] + host

    return REQUEST_LINE.sub(line, sent, count=requests)


async def _judged(cases: list[Case], port: int) -> dict[str, str]:
    """What is wrong with the result of each case; empty if the suite agrees."""
    answers = await asyncio.gather(*(_answers(case.sent, port) for case in cases))
    return {case.name: _wrong(case, got) for case, got in zip(cases, answers, strict=True)}


async def _answers(sent: bytes, port: int) -> list[Answer]:
    """The answers until the connection ends, or for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            writer.write(sent)
            while True:
                status_line = await reader.readline()
                fields = await reader.readuntil(b"\r\n\r\n")
                head = BytesHeaderParser().parsebytes(fields)
                body = await reader.readexactly(int(head.get("Content-Length", 0)))
                answers.append(Answer(int(status_line.split()[1]), head.get_content_type(), body))
    writer.close()
    return answers


def _wrong(case: Case, answers: list[Answer]) -> str:
    statuses = ", ".join(str(answer.status) for answer in answers) or "no answer"
    if not case.requests:
        refused = all(a.status >= 400 and a.status != 404 and a.is_problem for a in answers)
        return "" if refused else f"ends with {statuses}, to be refused"
    if len(answers) != len(case.requests) or any(answer.status != 200 for answer in answers):
        return f"ends with {statuses} for {len(case.requests)} valid"
    for answer, request in zip(answers, case.requests, strict=True):
        seen = json.loads(answer.body)
        fields = {(name.upper(), value) for name, value in seen["fields"]}
        lost = [
            field
            for field in request["headers"]
            if field[0] not in OF_THE_HOP and tuple(field) not in fields
        ]
        if lost:
            return f"comes without {lost}"
        for part, expected in (
            ("method", request["method"]),
            ("target", request["uri"]["raw"]),
            ("body", request["body"].decode("latin-1")),
        ):
            if seen[part] != expected:
                return f"comes with the {part} {seen[part]!r} for {expected!r}"
    return ""
