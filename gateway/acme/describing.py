"""What /status says of the certificates that the gateway gets by itself."""

from collections.abc import Mapping
from typing import Any

from discovery.client.describing import rfc3339
from gateway.acme.deciding.renewal import Term
from gateway.acme.deciding.state import State
from gateway.acme.spec import AcmeSpec


def described(
    spec: AcmeSpec,
    terms: Mapping[str, Term],
    state: State,
    now_s: float,
    *,
    reaches_registry: bool,
    with_evidence: bool,
) -> Mapping[str, Any]:
    """By domain until when its certificate is valid, and failed orders; the evidence is what the authority said."""
    return {
        "directory": spec.directory,
        "registry_reached": reaches_registry,
        "certificates": {
            domain: {
                **_term(terms.get(domain), spec.renew_before_s, now_s),
                **_attempt(domain, state, now_s, with_evidence=with_evidence),
            }
            for domain in spec.domains
        },
    }


def _term(term: Term | None, renew_before_s: float, now_s: float) -> Mapping[str, Any]:
    if term is None:
        return {"ends_at": None, "ends_in_s": None, "renewed_in_s": None}
    return {
        "ends_at": rfc3339(round(term.ends_s * 1000)),
        "ends_in_s": round(term.ends_s - now_s),
        "renewed_in_s": max(0, round(term.due_at_s(renew_before_s) - now_s)),
    }


def _attempt(domain: str, state: State, now_s: float, *, with_evidence: bool) -> Mapping[str, Any]:
    attempt = state.attempts.get(domain)
    if attempt is None:
        return {"failures": 0}
    again_at_s = max(attempt.again_at_s, state.paused_until_s)
    told = {"failures": attempt.failures, "again_in_s": max(0, round(again_at_s - now_s))}
    return {**told, **({"why": attempt.why} if with_evidence else {})}
