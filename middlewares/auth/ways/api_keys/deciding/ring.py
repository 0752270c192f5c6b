"""The keys that a worker knows, as the registry last told them, and those that it never admits again."""

from typing import NamedTuple

from discovery.base.steps import ITEMS_OF_A_STEP, Steps, slices
from middlewares.auth.deciding import Identity
from middlewares.auth.ways.api_keys.deciding.records import Change, KeyRecord

#: For so long a worker remembers that a key has ended: a day less than the registry (lua/common.lua).
REMEMBERED_S = 89 * 86400
#: Of a key that does not expire.
NEVER_S = float("inf")


class Entry:
    """A key that may be admitted, until `ends_s` (Unix seconds)."""

    __slots__ = ("ends_s", "id", "identity", "record", "used_again_s")

    def __init__(self, id_: str, record: KeyRecord, ends_s: float) -> None:
        self.id = id_
        self.record = record
        self.ends_s = ends_s
        #: Made when it is first needed.
        self.identity: Identity | None = None
        #: Its next use is worth a note from this time on, Unix seconds.
        self.used_again_s = 0.0


class Ended(NamedTuple):
    """A key that is refused from `at_ms` on, Unix ms."""

    id: str
    digest: bytes
    at_ms: int


class Ring:
    """Keys by their SHA-256, at one revision of the registry's data.

    What has ended never becomes valid again, whatever the registry says later: its data may be an older
    copy. `untold` has what it must hear again.
    """

    def __init__(self, epoch: str = "", revision: int = 0) -> None:
        self.epoch = epoch
        self.revision = revision
        #: The id that changed at that revision.
        self.last_id = ""
        self.entries: dict[bytes, Entry] = {}
        self.ended: dict[bytes, Ended] = {}
        self.untold: dict[bytes, Ended] = {}
        self._digests: dict[str, tuple[bytes, ...]] = {}

    def __len__(self) -> int:
        """How many ids have a key that may be admitted, expired ones included."""
        return len(self._digests)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taken in yet."""
        return self.revision == 0

    def find(self, digest: bytes, now_s: float) -> Entry | None:
        """The key with this SHA-256, if it may be admitted now."""
        entry = self.entries.get(digest)
        return entry if entry is not None and now_s < entry.ends_s else None

    def knows(self, digest: bytes) -> bool:
        """Whether the key is known, valid or not, so that nobody needs to be asked for it."""
        return digest in self.entries or digest in self.ended

    def apply(self, change: Change) -> None:
        """Take in a change."""
        gone = self._digests.pop(change.id, ())
        before = {digest: self.entries.pop(digest, None) for digest in gone}
        record, valid = change.record, []
        for digest, at_ms in change.digests:
            at_ms = self._end(change.id, digest, at_ms)
            if record is None:
                continue
            entry = Entry(change.id, record, _ends_s(record, at_ms))
            if old := before.get(digest):
                entry.used_again_s = old.used_again_s
            self.entries[digest] = entry
            valid.append(digest)
        if valid:
            self._digests[change.id] = tuple(valid)
        if change.revision > self.revision:
            self.revision, self.last_id = change.revision, change.id

    def taking_over(self, older: "Ring", now_s: float) -> Steps[None]:
        """Take over what a ring before this one knows to have ended, unless that is long ago."""
        since_ms = (now_s - REMEMBERED_S) * 1000
        for some in slices(list(older.ended.values())):
            for one in some:
                known = self.ended.get(one.digest)
                if one.at_ms >= since_ms and (known is None or known.at_ms > one.at_ms):
                    self.untold[one.digest] = one
                    self._note(one)
            yield
        for digests in slices(list(self.entries)):
            for digest in digests:
                if old := older.entries.get(digest):
                    self.entries[digest].used_again_s = old.used_again_s
            yield

    def letting_go(self) -> Steps[None]:
        """Free a ring that is not used any more: at once that takes long."""
        while self.entries:
            for _ in range(min(len(self.entries), ITEMS_OF_A_STEP)):
                _, entry = self.entries.popitem()
                self._digests.pop(entry.id, None)
            yield

    def _end(self, id_: str, digest: bytes, at_ms: int | None) -> int | None:
        """When a key ends, as far as this worker and the registry know together."""
        known = self.ended.get(digest)
        if known is not None and (at_ms is None or at_ms > known.at_ms):
            self.untold[digest] = known
            return known.at_ms
        if at_ms is not None:
            self._note(Ended(id_, digest, at_ms))
            self.untold.pop(digest, None)
        return at_ms

    def _note(self, ended: Ended) -> None:
        self.ended[ended.digest] = ended
        entry = self.entries.get(ended.digest)
        if entry is not None:
            entry.ends_s = min(entry.ends_s, ended.at_ms / 1000)
            entry.identity = None  # which has the end too


def _ends_s(record: KeyRecord, at_ms: int | None) -> float:
    times = [one for one in (record.expires_ms, at_ms) if one is not None]
    return min(times) / 1000 if times else NEVER_S
