"""Shares the probes among the workers of a gateway: one probes an instance, and tells the others its verdict."""

import asyncio
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from ..model.instance import Instance
from .machine import Verdict
from .owning import owner_of, turn_of
from .siblings import READY, STOPPING, Siblings

VERDICTS = "health.verdicts"
DOUBT = "health.doubt"

#: Verdicts that come so soon after another are told in one message.
GATHERED_FOR_S = 0.002
#: An older verdict says nothing of now; the siblings have probed by themselves since.
STALE_AFTER_S = 10.0


class Told(NamedTuple):
    """A sibling's verdict; `probed_as` is the digest of what it probed, see `digest_of`."""

    key: str
    probed_as: str
    passed: bool
    evidence: str
    #: Whether the instance was suspected when the probe began.
    suspected: bool
    #: When it was reached, by the monotonic clock that all processes of a machine share.
    at_s: float = 0.0
    #: Which registration was judged; 0 for an instance of the file, which has none.
    registered_at_ms: int = -1


class Hearing(NamedTuple):
    """What takes the words of siblings."""

    verdict: Callable[[Told], None]
    #: Takes the key, the digest and the evidence of a doubt.
    doubt: Callable[[str, str, str], None]
    #: Called when somebody else has to probe an instance than before.
    plans_changed: Callable[[], None]


class Sharing:
    """Says which instances this worker has to probe, and tells and hears verdicts.

    While this worker does not follow the registry, it probes all instances by itself, and what siblings
    say does not count.
    """

    def __init__(self, siblings: Siblings, follows: Callable[[], bool]) -> None:
        self._siblings = siblings
        self._follows = follows
        self._here: set[str] = set()
        self._ready: Sequence[str] = ()
        self._speakers: Sequence[str] = ()
        #: The instances that this worker probes because their owner has said nothing for too long.
        self._covered: set[str] = set()
        self._untold: list[Told] = []
        self._told_s = 0.0
        #: Called with how long the verdict of a sibling was on its way, s.
        self.on_delay: Callable[[float], None] = _nothing
        self._hearing: Hearing | None = None
        self._count()

    def listen(self, hearing: Hearing) -> None:
        """Let these take what siblings say."""
        self._hearing = hearing
        self._siblings.hears(VERDICTS, self._heard)
        self._siblings.hears(DOUBT, self._heard_doubt)
        self._siblings.when_changed(self._members_changed)

    @property
    def is_shared(self) -> bool:
        """Whether one worker probes for all of them."""
        return bool(self._ready) and self._follows()

    def is_mine(self, key: str) -> bool:
        """Whether this worker has to probe the instance."""
        return not self.is_shared or owner_of(key, self._ready) == self._siblings.id

    def turn(self, key: str) -> int:
        """0 where this worker has to probe the instance, else how many would do it before this one."""
        return turn_of(key, self._siblings.id, self._ready) if self.is_shared else 0

    def speaks_for(self, key: str) -> bool:
        """Whether this worker logs and reports what becomes of an instance: one worker of a gateway does."""
        if key in self._covered:
            return True
        return not self._speakers or owner_of(key, self._speakers) == self._siblings.id

    def cover(self, key: str) -> None:
        """Speak for an instance until its owner, or another worker before this one, is heard of."""
        self._covered.add(key)

    def tell(self, told: Told) -> None:
        """Tell the siblings a verdict.

        The owner does so while it does not follow the registry too, for those that are back already.
        """
        if not self.is_shared and not self._owns(told.key):
            return
        self._untold.append(told)
        if len(self._untold) > 1:
            return
        wait_s = self._told_s + GATHERED_FOR_S - time.monotonic()
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, self._tell_gathered)
        else:
            self._tell_gathered()

    def tell_doubt(self, key: str, probed_as: str, evidence: str) -> None:
        """Tell the siblings, the owner among them, that real requests speak against an instance."""
        if self.is_shared:
            self._siblings.tell(DOUBT, [key, probed_as, evidence])

    def connected_changed(self) -> None:
        """Note that this worker follows the registry again, or no longer."""
        self._plans_changed()

    def _tell_gathered(self) -> None:
        untold, self._untold = self._untold, []
        self._told_s = time.monotonic()
        self._siblings.tell(VERDICTS, untold)

    def _heard(self, sibling: str, body: Any) -> None:
        if self._hearing is not None and self._follows():
            now_s = time.monotonic()
            for told in body:
                one = Told(*told)
                self.on_delay(now_s - one.at_s)
                if now_s - one.at_s > STALE_AFTER_S:
                    continue
                if one.key in self._covered and self._comes_before(sibling, one.key):
                    self._covered.discard(one.key)
                self._hearing.verdict(one)

    def _owns(self, key: str) -> bool:
        return bool(self._ready) and owner_of(key, self._ready) == self._siblings.id

    def _comes_before(self, sibling: str, key: str) -> bool:
        return turn_of(key, sibling, self._ready) < turn_of(key, self._siblings.id, self._ready)

    def _heard_doubt(self, _sibling: str, body: Any) -> None:
        if self._hearing is not None and self._follows():
            self._hearing.doubt(*body)

    def _members_changed(self) -> None:
        before = self._ready, self._here
        self._count()
        if (self._ready, self._here) != before:
            self._plans_changed()

    def _plans_changed(self) -> None:
        self._covered.clear()
        if self._hearing is not None:
            self._hearing.plans_changed()

    def _count(self) -> None:
        members = self._siblings.members
        self._here = {one.id for one in members}
        self._ready = sorted(one.id for one in members if one.state == READY)
        running = sorted(one.id for one in members if one.state != STOPPING)
        self._speakers = self._ready or running


def _nothing(_delay_s: float) -> None:
    pass


def digest_of(instance: Instance) -> str:
    """Short for what the health of an instance depends on."""
    return blake2b(repr(instance.probed_as).encode(), digest_size=6).hexdigest()


def verdict_of(told: Told) -> Verdict:
    """The verdict that was told."""
    return Verdict(told.passed, told.evidence)
