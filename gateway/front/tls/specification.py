"""What a configuration says of TLS at the front."""

from dataclasses import dataclass, field, replace

from gateway.acme.spec import HTTP_PORT
from gateway.front.tls.contexts import Terms
from gateway.front.tls.pairs import Pair


@dataclass(frozen=True, slots=True)
class TlsSpec:
    """`pairs` with where each comes from; `redirect_from` is a port, `hsts` the field's value or empty.

    `is_on` False: only what is asked of clients is said, should the port speak TLS for another reason.
    """

    is_on: bool = False
    pairs: tuple[tuple[Pair, str], ...] = ()
    terms: Terms = field(default_factory=Terms)
    redirect_from: int | None = None
    hsts: str = ""


def with_acme(spec: TlsSpec, http_port: int | None) -> TlsSpec:
    """Add what ACME_DOMAINS says: certificates come later.

    `http_port` takes the place of redirect_from; None: only where that is not set, as HTTP_PORT; 0: it
    stays as it is.
    """
    usual = HTTP_PORT if http_port is None else None
    return replace(spec, is_on=True, redirect_from=http_port or spec.redirect_from or usual)


def with_variables(
    spec: TlsSpec, pair: tuple[Pair, str] | None, client_ca: bytes | None
) -> TlsSpec:
    """Add what TLS_CERT_FILE and TLS_CLIENT_CA_FILE say: that certificate is the first, and so the default."""
    if pair is not None:
        spec = replace(spec, is_on=True, pairs=(pair, *spec.pairs))
    if client_ca is not None:
        terms = spec.terms
        known = terms.client_cas
        cas = client_ca if known is None else client_ca + b"\n" + known
        required = terms.client_required if known is not None else True
        spec = replace(spec, terms=replace(terms, client_cas=cas, client_required=required))
    return spec
