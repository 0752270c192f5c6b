"""What the owner of an instance is told about it, decided from what the registry says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..health.advice import advice
from ..health.evidence_texts import asked_of
from ..model.answers import GONE, Standing
from ..model.instance import Instance
from ..model.naming import route_of
from ..model.words import PYTHON, Words

#: Before that, the registry's state may still be about an older process of this instance.
SURE_AFTER_S = 0.5
#: By then, a living gateway has probed it.
PROBED_WITHIN_S = 2.0

_GONE = {
    "deregistered": "somebody else has deregistered it; it registers again",
    "removed": "it was unhealthy for too long, and was removed; it registers again, and gets requests "
    "when it has passed HEALTH_RISE probes in a row",
    "": "its lease had lapsed, or the registry's data were lost; it registers again",
    GONE: "it had lapsed, was removed for ill health, or deregistered by somebody else; it registers again",
}
_NO_GATEWAY = "no gateway probes it: is one running on this registry?"
_DRAINED = "somebody else drains it, so it gets no new requests; a restart registers it anew"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the log: the event with its fields, and the same in words."""

    event: str
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    warns: bool = True

    @property
    def change(self) -> tuple[str, str]:
        """What must differ from the last notice for this one to be logged."""
        return self.event, self.fields.get("evidence", "")


def notice_of(
    instance: Instance, standing: Standing, age_s: float, registry: str, words: Words = PYTHON
) -> Notice | None:
    """The notice about an instance that was registered `age_s` ago; None if there is none yet.

    `words` are its owner's names for settings.
    """
    state, evidence = standing.state, standing.evidence
    if state == "draining":
        return Notice("announce.drained", f"draining: {_DRAINED}")
    if not standing.live_gateways:
        return _unprobed(registry) if age_s >= PROBED_WITHIN_S else None
    if state == "healthy":
        if not instance.weight:
            text = "healthy, but its weight is 0: it gets no requests"
            return Notice("announce.healthy", text, {"weight": "0"}, warns=False)
        url = f"{standing.gateway_url}{route_of(instance.name)}/"
        return Notice("announce.healthy", f"healthy: {url}", {"url": url}, warns=False)
    if age_s < SURE_AFTER_S:
        return None
    if state == "unhealthy" or (evidence and age_s >= PROBED_WITHIN_S):
        return _unhealthy(instance, evidence, words)
    return None


def _unprobed(registry: str) -> Notice:
    """Say that no gateway probes it; findings of gateways that are gone do not count."""
    text = f"starting: {_NO_GATEWAY} ({registry})"
    return Notice("announce.unprobed", text, {"registry": registry})


def notice_of_loss(standing: Standing) -> Notice:
    """Say why the instance is no longer registered, as the answer to its heartbeat told."""
    state = standing.state if standing.state in _GONE else GONE
    event = f"announce.{state or 'lapsed'}"
    return Notice(event, f"not registered: {_GONE[state]}", {"detail": _GONE[state]})


def _unhealthy(instance: Instance, evidence: str, words: Words) -> Notice:
    seen = _with_address(instance, evidence) if evidence else "the gateway's log says why"
    advised = advice(evidence, instance.host, words)
    text = f"unhealthy: {seen}; {advised}" if advised else f"unhealthy: {seen}"
    return Notice("announce.unhealthy", text, {"evidence": seen, "advice": advised})


def _with_address(instance: Instance, evidence: str) -> str:
    """The evidence with the instance's address: gateways leave it out, since clients read it too."""
    url = (instance.health_check_url or "").partition("?")[0]
    asked = asked_of(instance)
    if url and evidence.startswith(asked):
        return f"GET {url}{evidence.removeprefix(asked)}"
    return f"{evidence}, at {instance.authority}"
