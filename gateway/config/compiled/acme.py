"""Turns the section `tls.acme` into what the keeper of certificates works with."""

from gateway.acme.spec import TLS_ALPN_01, AccountBinding, AcmeSpec
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents


def acme_of(configuration: Configuration, contents: Contents) -> AcmeSpec | None:
    """The spec, or None without the section; `contents` has what its files hold."""
    tls = configuration.tls
    section = None if tls is None else tls.acme
    if tls is None or section is None:
        return None
    binding = None
    if section.external_account is not None:
        read = contents.of("tls", "acme", "external_account")
        if read:  # not so where a file is only looked at, without those that it names
            binding = AccountBinding(section.external_account.key_id, read["hmac_key_file"])
    return AcmeSpec(
        domains=section.domains,
        email=section.email,
        directory=section.directory,
        ca=contents.of("tls", "acme").get("ca_file"),
        key_type=section.key_type,
        renew_before_s=section.renew_before_s,
        # Without a port of plain HTTP nobody answers there.
        challenges=(TLS_ALPN_01,) if tls.redirect_from is None else section.challenges,
        binding=binding,
    )
