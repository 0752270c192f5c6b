"""deploy/update-images writes the digest that a tag has now, against a registry that says so."""

import importlib.machinery
import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import ROOT

OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def loaded() -> Any:
    path = str(ROOT / "deploy/update-images")
    loader = importlib.machinery.SourceFileLoader("update_images", path)
    spec = importlib.util.spec_from_loader("update_images", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Registry(BaseHTTPRequestHandler):
    """Gives a token, and for it the digest of one tag."""

    def do_GET(self) -> None:
        self._answer({}, json.dumps({"token": "t"}).encode())

    def do_HEAD(self) -> None:
        known = self.path == "/v2/library/debian/manifests/trixie-slim"
        assert self.headers["Authorization"] == "Bearer t"
        assert "image.index" in self.headers["Accept"]
        self._answer({"Docker-Content-Digest": NEW}, b"", 200 if known else 404)

    def _answer(self, fields: dict[str, str], body: bytes, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(registry: str, folder: Path, *arguments: str) -> int:
    status: int = loaded().main([f"--folder={folder}", *arguments], registry, f"{registry}/token")
    return status


def test_it_writes_the_digest_that_the_tag_has_now(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM debian:trixie-slim@{OLD} AS build\nFROM scratch\n")
    assert run(registry, tmp_path, "--check") == 1
    assert OLD in file.read_text(), "--check writes nothing"
    assert run(registry, tmp_path) == 0
    assert file.read_text() == f"FROM debian:trixie-slim@{NEW} AS build\nFROM scratch\n"
    assert run(registry, tmp_path, "--check") == 0


def test_a_tag_that_is_gone_changes_nothing(
    registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"FROM debian:gone-slim@{OLD}\n"
    (tmp_path / "Dockerfile").write_text(text)
    assert run(registry, tmp_path) == 2
    assert "debian:gone-slim: can't ask the registry: " in capsys.readouterr().err
    assert (tmp_path / "Dockerfile").read_text() == text


def test_the_dockerfile_has_a_digest_for_it() -> None:
    found = loaded().PINNED.findall((ROOT / "Dockerfile").read_text())
    assert [(name, tag) for name, tag, _ in found] == [("debian", "trixie-slim")]
