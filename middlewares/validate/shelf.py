"""The documents of services by version, the last good one of each, with what is known of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from discovery.model.instance import Instance
from discovery.view.view import View
from middlewares.validate.deciding.documents import Document
from middlewares.version_ranges import VersionRange

#: The most documents of a worker, and of one service: the newest of its versions.
MOST_DOCUMENTS = 200
MOST_VERSIONS = 4

#: A service and a version; instances without a version have None.
Key = tuple[str, str | None]


@dataclass(slots=True)
class Kept:
    """What is known of one document; `compiled` has it by whether formats are checked.

    `seen_s` is when it was last found to be current, `tried_s` when it was last asked for, both in seconds of
    the monotonic clock. `error` says why the last attempt failed.
    """

    compiled: Mapping[bool, Document] = field(default_factory=dict)
    etag: str = ""
    digest: bytes = b""
    seen_s: float | None = None
    tried_s: float | None = None
    error: str = ""
    #: Attempts in a row that have failed.
    failures: int = 0
    url: str = ""
    size: int = 0
    #: When the last instance of its service went, in the same seconds.
    gone_s: float | None = None


class Version(NamedTuple):
    """A version that a request may get, and its document; None: there is none yet."""

    version: str | None
    document: Document | None


class Shelf:
    """Finds the documents that a request is held against, once for each state of the view."""

    def __init__(self, view: Callable[[], View | None]) -> None:
        self._view = view
        self.kept: dict[Key, Kept] = {}
        self._found_in: View | None = None
        self._found: dict[tuple[str, tuple[VersionRange, ...], bool], Sequence[Version]] = {}

    def of(
        self, service: str, ranges: tuple[VersionRange, ...], *, formats: bool
    ) -> Sequence[Version]:
        """The versions of a service that a request may get; empty: no instance names a document."""
        view = self._view()
        if view is not self._found_in:
            self._found_in = view
            self._found.clear()
        key = (service, ranges, formats)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look(view, service, ranges, formats=formats)
        return found

    def of_instance(self, service: str, instance_id: str, *, formats: bool) -> Document | None:
        """The document of the version of one instance."""
        view = self._view()
        entry = (
            None if view is None else view.services.get(service, {}).get(f"{service}/{instance_id}")
        )
        if entry is None:
            return None
        kept = self.kept.get((service, entry.instance.version))
        return None if kept is None else kept.compiled.get(formats)

    def changed(self) -> None:
        """Look again: a document has come or gone."""
        self._found.clear()

    def describe(self, now_s: float) -> list[Mapping[str, Any]]:
        """What `/status` says of each document."""
        return [
            _described(key, kept, now_s)
            for key, kept in sorted(self.kept.items(), key=lambda one: (one[0][0], one[0][1] or ""))
        ]

    def _look(
        self, view: View | None, service: str, ranges: Iterable[VersionRange], *, formats: bool
    ) -> Sequence[Version]:
        if view is None:
            return ()
        instances = [
            entry.instance
            for entry in view.services.get(service, {}).values()
            if not entry.draining and all(one.holds(entry.instance.version) for one in ranges)
        ]
        found = []
        for version, have_url in versions_of(instances):
            kept = self.kept.get((service, version)) if have_url else None
            found.append(Version(version, None if kept is None else kept.compiled.get(formats)))
        return found


def versions_of(instances: Iterable[Instance]) -> Iterator[tuple[str | None, bool]]:
    """The versions of some instances, and whether one of each names a document."""
    found: dict[str | None, bool] = {}
    for one in instances:
        found[one.version] = found.get(one.version, False) or one.openapi_url is not None
    yield from found.items()


def _described(key: Key, kept: Kept, now_s: float) -> Mapping[str, Any]:
    document = next(iter(kept.compiled.values()), None)
    return {
        "service": key[0],
        "version": key[1],
        "url": kept.url,
        "openapi": None if document is None else document.version,
        "bytes": kept.size,
        "operations": 0 if document is None else document.operations,
        "left_out": 0 if document is None else document.left_out,
        "notes": [] if document is None else document.notes[:5],
        "age_s": None if kept.seen_s is None else round(now_s - kept.seen_s, 1),
        "error": kept.error or None,
    }
