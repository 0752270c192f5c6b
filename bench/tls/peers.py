"""Lockgate, nginx and Caddy that do the same work, each over plain HTTP and over TLS."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import caddy, lockgate, nginx
from bench.peers.peer import Launch, Site, find
from bench.processes import THIS_TREE

_FILE = """\
services:
  bench_service: {{urls: ["http://127.0.0.1:{small}"]}}
defaults:
  limits: [default]
{tls}"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate and its key are."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Secured:
    """One program over plain HTTP or TLS."""

    name: str
    tls: Pair | None
    launch: Callable[[Site], Launch]

    @property
    def title(self) -> str:
        return f"{self.name}, {'TLS' if self.tls else 'plain'}"


def peers(python: str, registry_port: int, pair: Pair) -> list[Secured]:
    """Each of them twice; those that are not installed are left out."""
    found = []
    for tls in (None, pair):
        found.append(Secured(lockgate.NAME, tls, _lockgate(python, registry_port, tls)))
        if find("nginx"):
            found.append(Secured(nginx.NAME, tls, _nginx(tls)))
        if find("caddy"):
            found.append(Secured(caddy.NAME, tls, _caddy(tls)))
    return found


def _lockgate(python: str, registry_port: int, tls: Pair | None) -> Callable[[Site], Launch]:
    def launch(site: Site) -> Launch:
        said = ""
        if tls is not None:
            pair = f"certificate_file: {tls.certificate}, key_file: {tls.key}"
            said = f"tls: {{certificates: [{{{pair}}}]}}\n"
        environment = {
            **THIS_TREE,
            "GATEWAY_PORT": str(site.port),
            "GATEWAY_CONFIG": site.write(
                "lockgate.yaml", _FILE.format(small=site.small_port, tls=said)
            ),
            "REDIS_URL": f"redis://127.0.0.1:{registry_port}/0",
            "RATE_LIMIT_REQUESTS": "1000000",
            "RATE_LIMIT_WINDOW": "10",
            "TRUSTED_PROXIES": "127.0.0.1",
            "SHUTDOWN_GRACE": "1",
        }
        return Launch([python, "-m", "gateway"], environment)

    return launch


def _nginx(tls: Pair | None) -> Callable[[Site], Launch]:
    peer = next(one for one in nginx.peers() if one.same_work)

    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        if tls is not None:
            file = site.folder / "nginx.conf"
            plain = f"listen 127.0.0.1:{site.port} backlog=4096;"
            secured = plain.replace(" backlog", " ssl backlog") + (
                f" ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key};"
                " ssl_protocols TLSv1.2 TLSv1.3;"
            )
            file.write_text(file.read_text().replace(plain, secured))
        return made

    return launch


def _caddy(tls: Pair | None) -> Callable[[Site], Launch]:
    peer = next(one for one in caddy.peers() if one.same_work)

    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        if tls is not None:
            file = site.folder / "Caddyfile"
            secured = f"https://:{site.port} {{\n    tls {tls.certificate} {tls.key}"
            text = file.read_text().replace(f"http://:{site.port} {{", secured)
            # HTTP/2 is more work than what the others do.
            file.write_text(text.replace("    servers {", "    servers {\n        protocols h1"))
        return made

    return launch
