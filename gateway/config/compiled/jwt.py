"""Turns the section of a way `jwt` into its specification."""

from collections.abc import Mapping
from typing import Any

from gateway.config.file.auth.jwt import Jwt
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.sources import FromFile, FromIssuer, Source
from middlewares.auth.ways.jwt.spec import JwtSpec


def jwt_spec(section: Jwt, contents: Mapping[str, Any]) -> JwtSpec:
    """`contents` are of the files that the section names."""
    rules = Rules(
        section.issuer,
        frozenset(section.audience),
        frozenset(section.algorithms),
        section.leeway_s,
        frozenset(one.lower().removeprefix("application/") for one in section.typ),
    )
    source: Source
    if section.jwks_file or section.secret_file or section.secret_env:
        from middlewares.auth.ways.jwt.deciding.keys import KeySet

        source = FromFile(next(iter(contents.values()), KeySet(())))
    else:
        source = FromIssuer(
            section.issuer, section.jwks_url, section.refresh_s, section.keys_max_age_s
        )
    return JwtSpec(
        rules,
        source,
        scopes=section.scopes,
        subject=section.subject,
        remember_s=section.remember_s,
        scopes_supported=section.scopes_supported,
    )
