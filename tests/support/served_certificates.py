"""The certificates that a gateway shows to its clients."""

import ssl

from cryptography import x509

from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient


async def served(port: int, name: str) -> x509.Certificate:
    """The certificate that a client gets that asks for a name; OSError while there is none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with await RawClient.connect(port, tls=context, server_name=name) as client:
        told = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(told)


async def certified(port: int, name: str, *, within_s: float = 40.0) -> x509.Certificate:
    """The certificate, once there is one."""

    async def look() -> x509.Certificate | None:
        try:
            found = await served(port, name)
        except OSError:
            return None
        return found if name in names_of(found) else None

    found = await eventually(look, within_s=within_s)
    assert found is not None
    return found


def names_of(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return names.value.get_values_for_type(x509.DNSName)
