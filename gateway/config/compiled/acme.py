"""Turns the section `tls.acme` into what the keeper of certificates works with."""

from gateway.acme.spec import AccountBinding, AcmeSpec
from gateway.config.file.acme import Acme
from gateway.config.file.contents import Contents


def acme_of(section: Acme, contents: Contents) -> AcmeSpec:
    """The spec; `contents` has what the section's files hold."""
    binding = None
    if section.external_account is not None:
        read = contents.of("tls", "acme", "external_account")
        binding = AccountBinding(section.external_account.key_id, next(iter(read.values())))
    return AcmeSpec(
        domains=section.domains,
        email=section.email,
        directory=section.directory,
        ca=contents.of("tls", "acme").get("ca_file"),
        key_type=section.key_type,
        renew_before_s=section.renew_before_s,
        challenges=section.challenges,
        binding=binding,
    )
