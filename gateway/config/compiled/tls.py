"""TLS at the front and to instances in the form that the listener and the dialer work with."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.config.file.auth.mtls import Mtls
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents
from gateway.config.file.tls import Hsts
from gateway.upstream.tls_terms import TlsTerms

if TYPE_CHECKING:  # a file without tls loads none of it
    from gateway.front.tls.specification import TlsSpec


def tls_of(configuration: Configuration, contents: Contents) -> "TlsSpec | None":
    """What the file says of TLS; None: nothing, and no way asks for certificates of clients."""
    section = configuration.tls
    has_way = any(isinstance(way, Mtls) for way in configuration.auth.values())
    if section is None and not has_way:
        return None
    from gateway.front.tls.contexts import Terms
    from gateway.front.tls.pairs import read_pair
    from gateway.front.tls.specification import TlsSpec

    authorities = b"\n".join(_client_authorities(configuration, contents)) or None
    if section is None:
        return TlsSpec(terms=Terms(client_cas=authorities))
    required = section.client_certificate == "required"
    if section.client_certificate is None:
        required = not has_way
    pairs = []
    for index, one in enumerate(section.certificates):
        read = contents.of("tls", "certificates", index)
        if read:  # not so where a file is only looked at, without those that it names
            pair = read_pair(read["certificate_file"], read["key_file"])
            pairs.append((pair, str(one.certificate_file)))
    return TlsSpec(
        True,
        tuple(pairs),
        Terms(section.min_version, authorities, required),
        section.redirect_from,
        "" if section.hsts is None else _hsts(section.hsts),
    )


def upstream_tls_of(configuration: Configuration, contents: Contents) -> dict[str, TlsTerms]:
    """How https instances are verified, for each service that says it."""
    terms = {}
    for name, service in configuration.services.items():
        if (section := service.tls) is not None:
            read = contents.of("services", name, "tls")
            terms[name] = TlsTerms(
                read.get("ca_file"),
                (section.server_name or "").strip("[]"),
                read.get("certificate_file"),
                read.get("key_file"),
            )
    return terms


def _client_authorities(configuration: Configuration, contents: Contents) -> Iterator[bytes]:
    """The PEM of those whose certificates clients may show, of the listener and of ways."""
    if (own := contents.of("tls").get("client_ca_file")) is not None:
        yield own
    for name, way in configuration.auth.items():
        pem = contents.of("auth", name).get("ca_file") if isinstance(way, Mtls) else None
        if isinstance(pem, bytes):
            yield pem


def _hsts(section: Hsts) -> str:
    from gateway.front.tls.strict_transport import value_of

    return value_of(
        section.max_age_s, include_subdomains=section.include_subdomains, preload=section.preload
    )
