"""Turns the sections of ways of authentication into specifications, and what routes ask for into requirements."""

from collections.abc import Mapping
from typing import Any, assert_never

from gateway.config.compiled.jwt import jwt_spec
from gateway.config.file.auth.api_key import ApiKeys as ApiKeysSection
from gateway.config.file.auth.basic import Basic
from gateway.config.file.auth.forward import Forward
from gateway.config.file.auth.jwt import Jwt
from gateway.config.file.auth.mtls import Mtls
from gateway.config.file.auth.oidc import Oidc
from gateway.config.file.auth.route import Requirement as RequirementSection
from gateway.config.file.auth.ways import Way as WaySection
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents
from middlewares.auth.deciding import Requirement
from middlewares.auth.way import Spec
from middlewares.auth.ways.api_keys.spec import ApiKeysSpec
from middlewares.auth.ways.basic.spec import BasicSpec
from middlewares.auth.ways.forward.spec import ForwardSpec
from middlewares.auth.ways.mtls.spec import MtlsSpec
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.header_section import CREDENTIAL_FIELDS

_NOTHING: frozenset[bytes] = frozenset()
_NOBODY = Requirement(())


def specs_of(configuration: Configuration, contents: Contents) -> Mapping[str, Spec]:
    """The specification of each way of the file, by its name; `contents` are of the files that it names."""
    ways = configuration.auth.items()
    return {name: _spec_of(name, section, contents) for name, section in ways}


def _spec_of(name: str, section: WaySection, contents: Contents) -> Spec:
    held = contents.of("auth", name)
    if isinstance(section, Forward):
        return _forward(name, section)
    if isinstance(section, Basic):
        users = held.get("users_file", ())
        return BasicSpec(name, users, section.realm, section.remember_s)
    if isinstance(section, Mtls):
        authorities = held.get("ca_file", b"")
        return MtlsSpec(name, authorities, held.get("crl_file"), section.subject or "any")
    if isinstance(section, Oidc):
        return _oidc(section, held, contents.of("auth", name, "session"))
    if isinstance(section, Jwt):
        return jwt_spec(section, held)
    if isinstance(section, ApiKeysSection):
        return ApiKeysSpec()
    assert_never(section)


def _forward(name: str, section: Forward) -> ForwardSpec:
    return ForwardSpec(
        name,
        section.url,
        send=frozenset(map(_lower, section.send)),
        take=frozenset(map(_lower, section.take)),
        subject=None if section.subject_field is None else _lower(section.subject_field),
        scopes=None if section.scopes is None else _lower(section.scopes),
        remember_s=section.remember_s,
        by_credential=section.remember_by == "credential",
        timeout_s=section.timeout_s,
    )


def _lower(field: str) -> bytes:
    return field.lower().encode("ascii")


def _oidc(section: Oidc, held: Mapping[str, Any], of_session: Mapping[str, Any]) -> OidcSpec:
    return OidcSpec(
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=next(iter(held.values()), None),
        scopes=section.scopes,
        lasts_s=section.session.lasts_s,
        store=section.session.store,
        secrets=next(iter(of_session.values()), ()),
        algorithms=section.algorithms,
        leeway_s=section.leeway_s,
        subject=section.subject,
        after_logout=section.after_logout,
    )


class Requirements:
    """What routes ask for; equal requirements are one object."""

    def __init__(self, configuration: Configuration, specs: Mapping[str, Spec]) -> None:
        self._has_ways = bool(configuration.auth)
        self._specs = specs
        # A credential says who sends it, whichever route leads to a service that reads it.
        drops = _NOTHING.union(*(spec.drops for spec in specs.values()))
        self._drops = drops.difference(CREDENTIAL_FIELDS)
        self._open = Requirement((), removed=self._drops, is_open=True) if self._drops else None
        self._made: dict[Requirement, Requirement] = {}

    def of(self, said: RequirementSection | str | None) -> Requirement | None:
        """The requirement that a section says; None: everybody is admitted, and nothing is taken out.

        Where a file with ways says nothing, nobody is admitted. What one way alone may say of a client, an
        instance believes, whichever route leads to it: so it is taken out on each of them.
        """
        if isinstance(said, RequirementSection):
            made = self._requirement(said)
            return self._made.setdefault(made, made)
        return _NOBODY if said is None and self._has_ways else self._open

    def _requirement(self, said: RequirementSection) -> Requirement:
        specs = [self._specs[name] for name in said.any_of]
        reads = _NOTHING.union(*(spec.reads for spec in specs))
        drops = self._drops.union(*(spec.drops for spec in specs))
        scopes = said.scopes
        return Requirement(
            said.any_of,
            all_scopes=() if scopes is None else scopes.all,
            any_scopes=() if scopes is None else scopes.any,
            claims=tuple((name, frozenset(values)) for name, values in said.claims.items()),
            shadow=said.shadow,
            pass_credentials=said.pass_credentials,
            reads=reads,
            removed=drops if said.pass_credentials else drops | reads,
            has_sessions=any(spec.has_sessions for spec in specs),
        )
