"""The certificates by ACME that workers of one gateway hand on to one that lacks them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from discovery.health.siblings import READY, Siblings
from gateway.acme.deciding.state import (
    CERTIFICATE,
    Certificate,
    decode_state,
    encode_certificate,
)

TOPIC = "acme.certificates"
#: Domains in one question, which keeps its answer short.
PAGE = 20
#: A sibling that takes longer hangs; then another one is asked.
WITHIN_S = 0.5

#: The certificates that this worker serves, of a directory, by domain.
Held = Callable[[str], Mapping[str, Certificate]]

_log = structlog.get_logger()


class CertificatesOfSiblings:
    """Answers siblings, and asks them while the registry can't tell."""

    def __init__(self, siblings: Siblings, held: Held) -> None:
        self._siblings = siblings
        self._held = held
        siblings.answers(TOPIC, self._answer)

    async def get(self, directory: str, domains: Sequence[str]) -> dict[str, Certificate]:
        """Those that one of the siblings has, by domain."""
        found: dict[str, Certificate] = {}
        for sibling in self._siblings.members:
            if sibling.state != READY or sibling.id == self._siblings.id:
                continue
            lacking = [domain for domain in domains if domain not in found]
            for at in range(0, len(lacking), PAGE):
                some = lacking[at : at + PAGE]
                asked = {"directory": directory, "domains": some}
                said = await self._siblings.ask_one(sibling.id, TOPIC, asked, WITHIN_S)
                if said is None:
                    break
                found.update(_read(said, some))
        return found

    async def _answer(self, asked: Any) -> Mapping[str, str]:
        held = self._held(asked["directory"])
        return {one: encode_certificate(held[one]) for one in asked["domains"] if one in held}


def _read(said: Any, domains: Sequence[str]) -> Mapping[str, Certificate]:
    """What was asked for; a sibling of another release may say something else."""
    try:
        fields = {f"{CERTIFICATE}{one}": said[one] for one in domains if one in said}
        return decode_state(fields, {}, 0.0).certificates
    except (LookupError, TypeError) as error:
        detail = f"{type(error).__name__}: {error}"
        _log.warning("sibling.not_understood", topic=TOPIC, detail=detail)
        return {}
