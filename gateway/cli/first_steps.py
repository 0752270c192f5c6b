"""What `lockgate serve` prints when it runs: where it listens, and what to type next."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from discovery.model.settings import DEFAULT_REDIS_URL, without_password
from gateway.config.settings import GatewaySettings
from gateway.machine.ports import is_free
from gateway.stack.plan import GATEWAY, HIGHEST_PORT, ProcessSpec
from gateway.stack.running.addresses import UNIX, admin_url
from gateway.stack.running.speaking import scheme_of
from gateway.stack.state import StackRecord, StackState

_EXAMPLE_PORT = 9000
#: It serves an empty folder, since the folder where it is typed holds the admin token.
_EXAMPLE = 'python3 -m http.server {port} --bind 127.0.0.1 --directory "$(mktemp -d)"'
_EVERYWHERE = ("0.0.0.0", "::")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What runs; `options` are those by which other commands find it from any folder."""

    state: StackState
    settings: GatewaySettings
    record: StackRecord
    options: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*self._where(), *self._what_registers_by_itself(), *self._next()])

    def _where(self) -> Iterator[str]:
        yield f"Lockgate listens at {self._url}{self._everywhere()}"
        if admin := self._admin:
            yield f"  {'admin socket' if admin.startswith(UNIX) else 'admin page  '} {admin}"
        yield f"  admin token  {self._token()}"
        yield f"  registry     {self._registry} ({self.record.registry_about})"
        yield f"  logs         {self.state.logs}"
        yield from self._certificates()

    def _certificates(self) -> Iterator[str]:
        acme = self.settings.acme
        if acme is None:
            return
        spec = acme.over(None)
        yield f"Certificates for {', '.join(spec.domains)} come from {spec.directory}, if"
        yield "  - these names lead to this machine (A and AAAA records in the DNS),"
        ways = [f"port 443, which must lead to {self._gateway.port} here"]
        if acme.http_port != 0:
            here = f"{acme.http_port} here"
            if acme.http_port is None:
                here = "the port of tls.redirect_from here (80 if the file has none)"
            ways.insert(0, f"port 80, which must lead to {here}")
        yield f"  - the Internet reaches it at {', or at '.join(ways)}."
        yield "  You agree to that authority's terms. The log says what happens (certificate.…), /status too."

    def _what_registers_by_itself(self) -> Iterator[str]:
        if self.record.registry_url == DEFAULT_REDIS_URL:
            return
        yield "Programs that register by themselves need this in their environment:"
        yield f"  export REDIS_URL={shlex.quote(self._registry)}"

    def _next(self) -> Iterator[str]:
        port = next(filter(is_free, range(_EXAMPLE_PORT, HIGHEST_PORT)))
        yield "Next, in another terminal" + ("" if self.options else ", in this folder") + ":"
        register = self._lockgate("register", "--name", "orders", "--port", str(port), "--")
        yield f"  {register} {_EXAMPLE.format(port=port)}"
        yield f"  curl {self._url}/api/orders/"
        yield "  " + self._lockgate("services")
        yield "^C stops it."

    @property
    def _registry(self) -> str:
        return without_password(self.record.registry_url)

    @property
    def _url(self) -> str:
        gateway = self._gateway
        if self.settings.acme_domains:
            port = "" if gateway.port == 443 else f":{gateway.port}"
            return f"https://{self.settings.acme_domains[0]}{port}"
        host = "localhost" if gateway.host in (*_EVERYWHERE, *_LOOPBACK) else gateway.host
        scheme = scheme_of(self._gateway.environment)
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{gateway.port}"

    @property
    def _admin(self) -> str:
        """The admin address, where the page and the list of services are; empty: the gateway's own."""
        return admin_url(self._gateway.environment)

    @property
    def _gateway(self) -> ProcessSpec:
        return next(spec for spec in self.record.processes if spec.name == GATEWAY)

    def _everywhere(self) -> str:
        here = self.settings.gateway_host in _EVERYWHERE
        return ", and on every other address of this machine" if here else ""

    def _token(self) -> str:
        file = self.settings.admin_token_file
        return str(file) if file else "that of ADMIN_TOKEN"

    def _lockgate(self, command: str, *arguments: str) -> str:
        return " ".join([_program(), command, *map(shlex.quote, (*self.options, *arguments))])


def _program() -> str:
    """How to type this `lockgate` here."""
    script = Path(sys.executable).with_name("lockgate")
    found = shutil.which("lockgate")
    if found and script.exists() and os.path.samefile(found, script):
        return "lockgate"
    if not script.exists():
        return shlex.join([sys.executable, "-m", "lockgate"])
    return shlex.quote(str(script))
