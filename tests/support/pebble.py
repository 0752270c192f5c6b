"""Debian's pebble: a real ACME authority for tests, with a name server where every name is 127.0.0.1."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
import trustme

from bench.processes import free_port

STARTS_WITHIN_S = 15.0
_PORTS_TRIED = 3
MISSING = "pebble is not installed: apt-get install --no-install-recommends pebble"

needs_pebble = pytest.mark.skipif(
    not (shutil.which("pebble") and shutil.which("pebble-challtestsrv")), reason=MISSING
)


class Pebble:
    """One authority. It validates at `http_port` and `tls_port` of 127.0.0.1, and refuses half of the nonces.

    Its own certificate is signed by the authority in `ca_file`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lifetime_s: int = 90 * 86400,
        bad_nonces: int = 50,
        accounts: Mapping[str, str] | None = None,
        tls_port: int | None = None,
    ) -> None:
        """`accounts`: ids and keys of those that an account must be bound to."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.http_port = free_port(), free_port()
        self.tls_port = tls_port or free_port()
        self.ca_file = folder / "ca.pem"
        self.log = folder / "pebble.log"
        self._folder = folder
        self._lifetime_s = lifetime_s
        self._accounts = accounts
        self._environment = {
            **os.environ,
            "PEBBLE_WFE_NONCEREJECT": str(bad_nonces),
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_AUTHZREUSE": "0",
        }
        self._environment.pop("PEBBLE_VA_ALWAYS_VALID", None)
        self._has_answered = False
        self._processes: list[subprocess.Popen[bytes]] = []
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        own = authority.issue_cert("localhost", "127.0.0.1")
        own.private_key_pem.write_to_path(str(folder / "key.pem"))
        own.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))

    @property
    def directory(self) -> str:
        return f"https://localhost:{self.port}/dir"

    @property
    def ca(self) -> str:
        """What the authority's own certificate is verified against, PEM."""
        return self.ca_file.read_text()

    def orders(self, *, finished: bool = False) -> int:
        """How many orders it has taken, or how many of them it has issued a certificate for."""
        said = "Issued certificate serial" if finished else "Added order "
        return self.log.read_text(errors="replace").count(said)

    def start(self) -> None:
        """Start it, and wait until it answers; at its first start another process may have its port."""
        for _ in range(_PORTS_TRIED):
            self._start()
            if self._answers():
                return
            self.kill()
            assert not self._has_answered, self.log.read_text()
            self.port = free_port()
        raise AssertionError(f"pebble does not answer: {self.log.read_text()}")

    def _start(self) -> None:
        names, manages = free_port(), free_port()
        configuration: dict[str, object] = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": "",
            "certificate": str(self._folder / "certificate.pem"),
            "privateKey": str(self._folder / "key.pem"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "certificateValidityPeriod": self._lifetime_s,
        }
        if self._accounts:
            configuration["externalAccountBindingRequired"] = True
            configuration["externalAccountMACKeys"] = dict(self._accounts)
        file = self._folder / "pebble.json"
        file.write_text(json.dumps({"pebble": configuration}))
        self._run(
            "pebble-challtestsrv",
            *("-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{manages}"),
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
            *("-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
        )
        self._run("pebble", "-config", str(file), "-dnsserver", f"127.0.0.1:{names}", "-strict")

    def kill(self) -> None:
        """End it; it forgets its accounts and orders."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def _run(self, *command: str) -> None:
        with self.log.open("ab") as log:
            made = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, cwd=self._folder
            )
        self._processes.append(made)

    def _answers(self) -> bool:
        """Whether it answers in time; it ends where it can't listen."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        deadline_s = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline_s:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock,
                context.wrap_socket(sock, server_hostname="localhost"),
            ):
                self._has_answered = True
                return True
            if any(one.poll() is not None for one in self._processes):
                return False
            time.sleep(0.02)
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


StartPebble = Callable[..., Pebble]


@pytest.fixture
def start_pebble(tmp_path: Path) -> Iterator[StartPebble]:
    """`start_pebble(lifetime_s=60)`: an authority for this test alone."""
    running: list[Pebble] = []

    def start(**options: Any) -> Pebble:
        made = Pebble(tmp_path / f"pebble{len(running)}", **options)
        running.append(made)
        made.start()
        return made

    yield start
    for one in running:
        one.kill()
