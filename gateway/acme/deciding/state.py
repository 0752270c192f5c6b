"""How the registry keeps the account, certificates and attempts: the fields of one hash, each a JSON text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.acme.deciding.renewal import Attempt
from gateway.acme.spec import CHALLENGES, Challenge

#: The fields of the hash; a certificate's and an attempt's end with the domain.
ACCOUNT, PAUSED, VERSION = "account", "paused", "version"
CERTIFICATE, ATTEMPT = "certificate ", "attempt "
#: Longest text that is kept of what an authority says.
WHY_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with those of its issuers, and its key: both are PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that we have a domain: the answer to a challenge of the authority's."""

    domain: str
    challenge: Challenge
    answer: str


@dataclass(frozen=True, slots=True)
class State:
    """What the registry has; a record that is not valid is left out and named in `unread`."""

    version: str = ""
    account: str | None = field(default=None, repr=False)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    paused_until_s: float = 0.0
    #: By token.
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def encode_certificate(certificate: Certificate) -> str:
    return json.dumps({"chain": certificate.chain, "key": certificate.key})


def encode_attempt(attempt: Attempt) -> str:
    return json.dumps(
        {
            "failures": attempt.failures,
            "again_at_s": round(attempt.again_at_s, 3),
            "why": attempt.why[:WHY_CHARACTERS],
        }
    )


def encode_proof(proof: Proof, until_s: float) -> str:
    """`until_s` is when it is of no use any more, Unix s."""
    return json.dumps(
        {
            "domain": proof.domain,
            "challenge": proof.challenge,
            "answer": proof.answer,
            "until_s": round(until_s, 3),
        }
    )


def decode_state(fields: Mapping[str, str], proofs: Mapping[str, str], now_s: float) -> State:
    """The state in the fields of both hashes."""
    certificates: dict[str, Certificate] = {}
    attempts: dict[str, Attempt] = {}
    paused_until_s = 0.0
    unread = []
    for name, value in fields.items():
        try:
            if name.startswith(CERTIFICATE):
                certificates[name.removeprefix(CERTIFICATE)] = _certificate(value)
            elif name.startswith(ATTEMPT):
                attempts[name.removeprefix(ATTEMPT)] = _attempt(value)
            elif name == PAUSED:
                paused_until_s = _number(json.loads(value))
        except (ValueError, LookupError, TypeError, RecursionError):
            unread.append(name)
    return State(
        version=fields.get(VERSION, ""),
        account=fields.get(ACCOUNT),
        certificates=certificates,
        attempts=attempts,
        paused_until_s=paused_until_s,
        proofs=dict(_live(proofs, now_s)),
        unread=tuple(unread),
    )


def decode_proof(value: str, now_s: float) -> Proof | None:
    """The proof, or None if it is over or not valid."""
    try:
        told = json.loads(value)
        proof = Proof(_text(told["domain"]), told["challenge"], _text(told["answer"]))
        is_over = _number(told["until_s"]) <= now_s
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return proof if proof.challenge in CHALLENGES and not is_over else None


def _live(proofs: Mapping[str, str], now_s: float) -> Iterator[tuple[str, Proof]]:
    for token, value in proofs.items():
        proof = decode_proof(value, now_s)
        if proof is not None:
            yield token, proof


def _certificate(value: str) -> Certificate:
    told = json.loads(value)
    return Certificate(_text(told["chain"]), _text(told["key"]))


def _attempt(value: str) -> Attempt:
    told = json.loads(value)
    failures = told["failures"]
    if not isinstance(failures, int) or failures < 0:
        raise ValueError("no number of failures")
    return Attempt(failures, _number(told["again_at_s"]), _text(told["why"])[:WHY_CHARACTERS])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("no number")
    number = float(value)
    if number != number or abs(number) == float("inf"):
        raise ValueError("no number")
    return number
