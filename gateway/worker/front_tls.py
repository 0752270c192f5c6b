"""TLS at the front of this worker: what the file and the variables say, and what of it is in force."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from discovery.model.errors import SettingsError
from gateway.config.acme_variables import AcmeVariables
from gateway.config.tls_variables import TlsFiles
from gateway.front.tls.strict_transport import StrictTransport
from gateway.machine.descriptors import Descriptors
from gateway.worker.configuration.looking import GONE_AFTER_LOOKS
from gateway.worker.configuration.signature import Signature, signature_of

if TYPE_CHECKING:  # a gateway without TLS loads nothing of this
    from gateway.config.tls_files import FromVariables
    from gateway.front.tls.certificates import Certificates
    from gateway.front.tls.handshakes import Handshakes
    from gateway.front.tls.redirect_port import Ports, RedirectPort
    from gateway.front.tls.specification import TlsSpec

#: How often the files of the variables are looked at; a change counts once nothing has changed for so long.
LOOK_EVERY_S = 0.5
#: Until a redirect port that another program has is tried again.
_AGAIN_AFTER_S = 5.0

_log = structlog.get_logger()


class FrontTls:
    """Follows the file's `tls` and the files of TLS_CERT_FILE; makes nothing before one of them says something."""

    def __init__(
        self,
        files: TlsFiles | None,
        host: str,
        descriptors: Descriptors,
        url: Callable[[], str],
        acme: AcmeVariables | None = None,
        *,
        ports: "Callable[[], Ports]",
    ) -> None:
        self.strict_transport = StrictTransport()
        #: Whether new connections speak TLS.
        self.in_force = False
        #: What is wrong with the files of the variables; empty: they are in use as they are.
        self.mistake = ""
        self._files = files
        self._acme = acme
        self._host = host
        self._descriptors = descriptors
        self._url = url
        self._ports = ports
        self._spec: TlsSpec | None = None
        self._taken: TlsSpec | None = None
        self._from_variables: FromVariables | None = None
        self._read: tuple[Signature | None, ...] = ()
        self._wanted_port: int | None = None
        self._port_wanted = asyncio.Event()

    @cached_property
    def certificates(self) -> "Certificates":
        """What ACME puts its certificates into; new connections use them at once."""
        from gateway.front.tls.certificates import Certificates

        return Certificates()

    @cached_property
    def handshakes(self) -> "Handshakes":
        from gateway.front.tls.handshakes import MOST, Handshakes

        return Handshakes(max(16, min(MOST, self._descriptors.clients_below // 2)))

    @cached_property
    def redirects(self) -> "RedirectPort":
        """The port of plain HTTP, where ACME answers its challenges."""
        from gateway.front.tls.redirect_port import RedirectPort

        return RedirectPort(self._host, self._https_port, self._ports())

    @property
    def is_asked_for(self) -> bool:
        """Whether the port is to speak TLS, once the files of the variables are read."""
        in_file = self._spec is not None and self._spec.is_on
        in_variables = self._files is not None and self._files.certificate is not None
        return in_file or in_variables or self._acme is not None

    def take(self, spec: "TlsSpec | None") -> None:
        """Put in force what the file says; open connections stay as they are."""
        self._spec = spec
        self._put_in_force()

    def read_files(self) -> None:
        """Read the files of the variables at the start. Raises SettingsError."""
        if self._files is not None:
            if not self.is_asked_for:
                raise SettingsError(
                    f"TLS_CLIENT_CA_FILE={str(self._files.client_ca)!r}: the port speaks no TLS, so no client "
                    "would be asked: set TLS_CERT_FILE, or tls in the file of GATEWAY_CONFIG"
                )
            self._read = self._signatures()
            self._take_variables(_read(self._files))

    async def listen(self) -> None:
        """Open the port of `redirect_from`, where there is one. Raises OSError."""
        if self._wanted_port is not None:
            await self.redirects.follow(self._wanted_port)

    async def run(self) -> None:
        """Follow the files of the variables, and the port of `redirect_from`; never returns."""
        changing: tuple[Signature | None, ...] = ()
        missed = 0
        while True:
            within_s = LOOK_EVERY_S if self._files is not None else None
            try:
                async with asyncio.timeout(within_s):
                    await self._port_wanted.wait()
            except TimeoutError:
                now = self._signatures()
                missed = missed + 1 if None in now else 0
                if now == self._read or 0 < missed < GONE_AFTER_LOOKS:
                    changing = ()
                elif now != changing:
                    changing = now
                else:
                    await self._read_again(now)
                continue
            self._port_wanted.clear()
            await self._follow_port()

    async def stop_accepting(self) -> None:
        """Take no more clients of plain HTTP; those that are here get their answers."""
        if "redirects" in self.__dict__:
            await self.redirects.stop_accepting()

    @property
    def redirected_under_way(self) -> int:
        """Clients of plain HTTP that have no answer yet."""
        return len(self.redirects.clients) if "redirects" in self.__dict__ else 0

    def close(self) -> None:
        """Stop to listen for plain HTTP, and end handshakes under way."""
        for name in ("redirects", "handshakes"):
            if name in self.__dict__:
                getattr(self, name).close()

    def describe(self) -> Mapping[str, Any]:
        """What /status says; empty where the port speaks no TLS."""
        if not self.in_force:
            return {}
        from gateway.front.tls.describing import described

        return described(
            self.certificates.all(), self.handshakes, self.redirects.port, self.mistake, time.time()
        )

    @property
    def handshakes_under_way(self) -> int:
        """Clients that are connecting: they have been accepted, and are no clients of HTTP yet."""
        return self.handshakes.under_way if "handshakes" in self.__dict__ else 0

    def handshakes_ended(self) -> Mapping[str, int]:
        """Handshakes by how they ended; empty where there was none."""
        if "handshakes" not in self.__dict__:
            return {}
        return {str(result): count for result, count in self.handshakes.ended.items()}

    async def _read_again(self, now: tuple[Signature | None, ...]) -> None:
        assert self._files is not None
        self._read = now
        try:
            # In a thread, where a slow disk holds up nobody.
            self._take_variables(await asyncio.to_thread(_read, self._files))
        except SettingsError as error:
            self.mistake = str(error)
            _log.error(
                "tls.rejected", mistake=self.mistake, detail="the certificate before stays in use"
            )

    def _take_variables(self, found: "FromVariables") -> None:
        self._from_variables = found
        self.mistake = ""
        self._put_in_force()

    def _put_in_force(self) -> None:
        spec = self._whole()
        if spec == self._taken:
            return
        self._taken = spec
        if spec is None or not spec.is_on:
            self.in_force = False
            self.strict_transport.value = ""
            self._want_port(None)
            return
        self.certificates.configure(spec.terms, spec.pairs)
        for source, warning in _warnings(spec):
            _log.warning("tls.certificate", file=source, detail=warning)
        self.strict_transport.value = spec.hsts
        self._want_port(spec.redirect_from)
        self.in_force = True
        _log.info("tls.in_force", certificates=[source for _, source in spec.pairs])

    def _whole(self) -> "TlsSpec | None":
        found, acme = self._from_variables, self._acme
        if found is None and acme is None:
            return self._spec
        from gateway.front.tls.specification import TlsSpec, with_acme, with_variables

        spec = self._spec or TlsSpec()
        if acme is not None:
            spec = with_acme(spec, acme.http_port)
        if found is None:
            return spec
        pair = None if found.pair is None else (found.pair, found.source)
        return with_variables(spec, pair, found.client_ca)

    def _want_port(self, port: int | None) -> None:
        if port != self._wanted_port:
            self._wanted_port = port
            self._port_wanted.set()

    async def _follow_port(self) -> None:
        try:
            await self.redirects.follow(self._wanted_port)
        except OSError as error:
            _log.error("tls.no_redirects", port=self._wanted_port, detail=error.strerror)
            loop = asyncio.get_running_loop()
            loop.call_later(_AGAIN_AFTER_S, self._port_wanted.set)

    def _signatures(self) -> tuple[Signature | None, ...]:
        return tuple(map(signature_of, self._files.paths)) if self._files is not None else ()

    def _https_port(self) -> int:
        return urlsplit(self._url()).port or 443


def _read(files: TlsFiles) -> "FromVariables":
    """Raises SettingsError."""
    from gateway.config.tls_files import read_tls_files

    return read_tls_files(files)


def _warnings(spec: "TlsSpec") -> Iterator[tuple[str, str]]:
    for pair, source in spec.pairs:
        for warning in pair.warnings(time.time()):
            yield source, warning
