"""The certificates that a worker serves, by domain, and the file that keeps them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from discovery.client.describing import rfc3339
from gateway.acme import saved
from gateway.acme.certificates import WrongCertificate, term_of
from gateway.acme.deciding.renewal import Term
from gateway.acme.deciding.state import Certificate
from gateway.acme.spec import AcmeSpec

#: A certificate by domain; None takes the one of the domain away.
Serve = Callable[[str, Certificate | None], None]

#: As many unfit certificates are remembered, so that each is logged once.
_UNFIT_REMEMBERED = 100

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate that is served, and what it says."""

    certificate: Certificate
    term: Term


class Shelf:
    """Serves certificates by `serve`, and keeps them in `file`, where one is named."""

    def __init__(self, serve: Serve, file: Path | None) -> None:
        self.held: dict[str, Held] = {}
        self._serve = serve
        self._file = file
        self._is_unsaved = False
        self._unfit: dict[Certificate, None] = {}

    @property
    def terms(self) -> Mapping[str, Term]:
        return {domain: held.term for domain, held in self.held.items()}

    def put(self, domain: str, held: Held, source: str = "") -> None:
        """Serve a certificate to new connections; `source` says whence another gateway's came."""
        self.held[domain] = held
        self._serve(domain, held.certificate)
        self._is_unsaved = True
        if source:
            ends_at = rfc3339(round(held.term.ends_s * 1000))
            _log.info("certificate.taken", domain=domain, ends_at=ends_at, source=source)

    def keep(self, domains: Iterable[str]) -> None:
        """Serve no others any more."""
        for domain in self.held.keys() - set(domains):
            del self.held[domain]
            self._serve(domain, None)
            self._is_unsaved = True

    def read(self, domain: str, certificate: Certificate) -> Held | None:
        """The certificate with what it says; None: it can't be served, which is logged once."""
        mine = self.held.get(domain)
        if mine is not None and mine.certificate == certificate:
            return mine
        try:
            return Held(certificate, term_of(certificate))
        except WrongCertificate as error:
            if certificate not in self._unfit:
                if len(self._unfit) >= _UNFIT_REMEMBERED:
                    self._unfit.clear()
                self._unfit[certificate] = None
                _log.warning("certificate.unfit", domain=domain, detail=str(error))
            return None

    async def load(self, spec: AcmeSpec) -> None:
        """Serve what the file has for those domains of a spec that lack a certificate."""
        if self._file is None:
            return
        kept = await asyncio.to_thread(saved.load, self._file, spec.directory)
        for domain, certificate in kept.items():
            if domain in self.held or domain not in spec.domains:
                continue
            if held := self.read(domain, certificate):
                self.put(domain, held, "file")

    async def save(self, spec: AcmeSpec) -> None:
        """Write the file, if it lacks something."""
        if self._file is None or not self._is_unsaved:
            return
        self._is_unsaved = False
        kept = {domain: one.certificate for domain, one in self.held.items()}
        try:
            await asyncio.to_thread(saved.save, self._file, spec.directory, kept)
        except OSError as error:
            detail = error.strerror
            _log.warning("certificate.not_saved", path=str(self._file), detail=detail)
