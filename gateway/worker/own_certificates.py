"""The certificates that this worker gets by itself: what asks for them, and where they go."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from discovery.model.settings import RegistrySettings
from gateway.acme.spec import AcmeSpec
from gateway.config.acme_variables import AcmeVariables
from gateway.siblings.siblings import Siblings
from gateway.worker.front_tls import FrontTls

if TYPE_CHECKING:  # a gateway without ACME loads nothing of it
    from gateway.acme.deciding.state import Certificate
    from gateway.acme.keeper import Keeper

#: How /status names where a certificate comes from.
SOURCE = "acme"

_log = structlog.get_logger()


class OwnCertificates:
    """Follows `tls.acme` of the file and ACME_DOMAINS; makes nothing before one of them names a domain."""

    def __init__(
        self,
        registry: RegistrySettings,
        variables: AcmeVariables | None,
        tls: FrontTls,
        *,
        worker: str,
        view_file: Path | None,
        siblings: Siblings,
    ) -> None:
        self._registry = registry
        self._variables = variables
        self._tls = tls
        self._worker = worker
        self._view_file = view_file
        self._siblings = siblings
        self._keeper: Keeper | None = None
        self._asked_for = asyncio.Event()

    def take(self, spec: AcmeSpec | None) -> None:
        """Put in force what the file says; what the variables say wins."""
        if self._variables is not None:
            spec = self._variables.over(spec)
        if spec is None and self._keeper is None:
            return
        if self._keeper is None:
            self._keeper = self._make()
        self._keeper.take(spec)
        self._asked_for.set()

    async def run(self) -> None:
        """Keep the certificates; never returns."""
        await self._asked_for.wait()
        assert self._keeper is not None, "something was asked for"
        await self._keeper.run()

    async def have_looked(self, within_s: float) -> None:
        """Wait until those are served that were got before: clients that come sooner would be refused."""
        if self._keeper is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._keeper.has_looked.wait()

    def describe(self, with_evidence: bool) -> Mapping[str, Any]:
        """What /status says, with or without what the authority said; empty where no domain is named."""
        if self._keeper is None:
            return {}
        return self._keeper.describe(with_evidence=with_evidence)

    def ends_in_s(self) -> Mapping[str, float]:
        """In how many seconds the certificate of each domain ends, of those that have one."""
        return {} if self._keeper is None else self._keeper.ends_in_s()

    def failures(self) -> Mapping[str, int]:
        """The failed orders in a row of each domain."""
        return {} if self._keeper is None else self._keeper.failures()

    def _make(self) -> "Keeper":
        from gateway.acme.keeper import Keeper
        from gateway.acme.saved import beside

        def held(directory: str) -> "Mapping[str, Certificate]":
            return keeper.held(directory)

        of_siblings = None
        if not self._siblings.alone:
            from gateway.worker.certificates_of_siblings import CertificatesOfSiblings

            of_siblings = CertificatesOfSiblings(self._siblings, held).get
        keeper = Keeper(
            self._registry,
            worker=self._worker,
            serve=self._serve,
            prove=self._prove,
            file=None if self._view_file is None else beside(self._view_file),
            of_siblings=of_siblings,
        )
        self._tls.redirects.look_up = keeper.answer
        return keeper

    def _serve(self, domain: str, certificate: "Certificate | None") -> None:
        from gateway.front.tls.pairs import BadCertificate, BadKey

        certificates = self._tls.certificates
        if certificate is None:
            certificates.remove([domain])
            return
        chain, key = certificate.chain.encode(), certificate.key.encode()
        try:
            certificates.put([domain], chain, key, SOURCE)
        except (BadCertificate, BadKey) as error:
            _log.warning("certificate.unfit", domain=domain, detail=str(error))

    def _prove(self, domain: str, certificate: "Certificate | None") -> None:
        certificates = self._tls.certificates
        if certificate is None:
            certificates.remove_challenge(domain)
        else:
            certificates.put_challenge(domain, certificate.chain.encode(), certificate.key.encode())
