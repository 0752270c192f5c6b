"""Ranges of semantic versions: `1`, `1.2+`, `^1.2`, `>=1 <3`, `1.4.2`, `*`, `1 || 3`, and which versions they hold.

Versions compare by semver.org, item 11. Two rules of ours:

- A pre-release such as 2.0.0-rc.1 is only in a range that names a pre-release of the same 2.0.0, as
  `2.0.0-rc.1` or `>=2.0.0-rc.0` do; and in `*`. So nobody gets one by accident, and `<2` never means it.
- Build metadata (`+` and what follows) says nothing about order, so it is left out of account.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from semver import Version

#: A range is at most this long, and has at most this many comparisons.
MOST_CHARACTERS = 256
MOST_COMPARISONS = 16

_FORMS = "1, 1.2, 1.4.2, 1.2+, ^1.2, >=1 <3, 1 || 3 or *"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE_RELEASE = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_COMPARISON = re.compile(
    rf"(?P<operator>\^|>=|<=|>|<|=)?\s*"
    rf"(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER})(?:\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<pre_release>{_PRE_RELEASE}(?:\.{_PRE_RELEASE})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?"
    r"(?P<or_newer>\+)?",
    re.ASCII,
)
#: An operator stands before its version, with or without spaces between.
_SPACES_AFTER_OPERATOR = re.compile(r"(\^|>=|<=|>|<|=) +(?=[0-9])", re.ASCII)

#: Before all versions of 0.0.0; likewise `-0` of a release is before all its pre-releases.
_FIRST = Version(0, 0, 0, "0")


@dataclass(frozen=True, slots=True)
class _Interval:
    """The versions from `low` up to `high`; None: without an end."""

    low: Version | None = None
    high: Version | None = None
    has_low: bool = True
    has_high: bool = False

    @property
    def is_empty(self) -> bool:
        if self.high is None:
            return False
        if self.low is None:
            return self.high <= _FIRST and not self.has_high
        return self.low > self.high or (
            self.low == self.high and not (self.has_low and self.has_high)
        )

    def holds(self, version: Version) -> bool:
        if self.low is not None and (
            version < self.low or (version == self.low and not self.has_low)
        ):
            return False
        return self.high is None or (
            version < self.high or (version == self.high and self.has_high)
        )

    def met(self, other: "_Interval") -> "_Interval":
        """The versions that are in both."""
        low, has_low = self.low, self.has_low
        if other.low is not None and (low is None or other.low > low):
            low, has_low = other.low, other.has_low
        elif other.low is not None and other.low == low:
            has_low = has_low and other.has_low
        high, has_high = self.high, self.has_high
        if other.high is not None and (high is None or other.high < high):
            high, has_high = other.high, other.has_high
        elif other.high is not None and other.high == high:
            has_high = has_high and other.has_high
        return _Interval(low, high, has_low, has_high)


@dataclass(frozen=True, slots=True)
class _Alternative:
    """One side of `||`: an interval, and the versions (without pre-release) whose pre-releases it names."""

    interval: _Interval
    pre_releases_of: frozenset[Version]

    def holds(self, version: Version) -> bool:
        if version.prerelease is not None and _released(version) not in self.pre_releases_of:
            return False
        return self.interval.holds(version)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A range of versions; two are equal if they are written alike.

    `text` is the range without spaces that say nothing.
    """

    text: str
    #: Empty: `*`.
    _alternatives: tuple[_Alternative, ...] = field(compare=False, repr=False)
    #: What it does not hold although the text before "but not" says so.
    _without: tuple["VersionRange", ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def is_any(self) -> bool:
        """Whether every version is in it, and an instance without one."""
        return not self._alternatives and not self._without

    @property
    def alternatives(self) -> int:
        """How many sides of `||` there are; to compare two ranges takes the product of theirs."""
        return len(self._alternatives)

    def holds(self, version: str | None) -> bool:
        """Whether a version is in the range. None, or text that is no version: only in `*`."""
        if self._without and any(one.holds(version) for one in self._without):
            return False
        return not self._alternatives or (version is not None and _holds(self, version))

    def without(self, other: "VersionRange") -> "VersionRange":
        """The range without what another one holds."""
        text = f"{self.text}{',' if self._without else ' but'} not {other.text}"
        return VersionRange(text, self._alternatives, (*self._without, other))

    def overlaps(self, other: "VersionRange") -> bool:
        """Whether some version is in both, pre-releases and what `without` has taken out left aside."""
        if not self._alternatives or not other._alternatives:
            return True
        return any(
            not one.interval.met(another.interval).is_empty
            for one in self._alternatives
            for another in other._alternatives
        )

    def is_within(self, other: "VersionRange") -> bool:
        """Whether the other one surely holds all of it, pre-releases left aside."""
        if not other._alternatives:
            return not other._without
        return bool(self._alternatives) and all(
            any(
                one.interval.met(another.interval) == one.interval
                for another in other._alternatives
            )
            for one in self._alternatives
        )


ANY = VersionRange("*", ())


@lru_cache(maxsize=1024)
def parse_range(text: str) -> VersionRange:
    """The range of a text. ValueError: what is wrong with it, and which forms there are."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a range of versions has at most {MOST_CHARACTERS} characters")
    written = [_SPACES_AFTER_OPERATOR.sub(r"\1", one).split() for one in text.split("||")]
    if sum(map(len, written)) > MOST_COMPARISONS:
        raise ValueError(f"a range of versions has at most {MOST_COMPARISONS} comparisons")
    if not all(written):
        raise ValueError(f"{text!r} is no range of versions; it is like {_FORMS}")
    alternatives = [_alternative(comparisons, text) for comparisons in written]
    if None in alternatives:
        return ANY
    return VersionRange(
        " || ".join(map(" ".join, written)),
        tuple(one for one in alternatives if one is not None),
    )


@lru_cache(maxsize=4096)
def parse_version(text: str) -> Version | None:
    """The version of a text, to compare it with others; None: the text is no semantic version."""
    try:
        return Version.parse(text)
    except ValueError:
        return None


def line_of(version: str) -> VersionRange | None:
    """The versions that keep what this one offers: its major version, and before 1.0 its minor one.

    A pre-release stands for itself. None: the text is no version.
    """
    parsed = parse_version(version)
    if parsed is None:
        return None
    if parsed.prerelease is not None:
        return parse_range(version)
    return parse_range(f"{parsed.major}" if parsed.major else f"0.{parsed.minor}")


@lru_cache(maxsize=4096)
def _holds(versions: VersionRange, text: str) -> bool:
    version = parse_version(text)
    return version is not None and any(one.holds(version) for one in versions._alternatives)


def _alternative(comparisons: list[str], text: str) -> _Alternative | None:
    """One side of `||`; None: it holds everything."""
    interval = _Interval()
    named = set[Version]()
    if comparisons == ["*"]:
        return None
    for comparison in comparisons:
        found = _COMPARISON.fullmatch(comparison)
        if found is None or (found["operator"] and found["or_newer"]):
            raise ValueError(
                f"{comparison!r} is no version or range of versions; it is like {_FORMS}"
            )
        interval = interval.met(_interval(found))
        if found["pre_release"]:
            named.add(Version(int(found["major"]), int(found["minor"]), int(found["patch"])))
    if interval.is_empty:
        raise ValueError(f"no version is in {text!r}")
    return _Alternative(interval, frozenset(named))


def _interval(found: re.Match[str]) -> _Interval:
    """The versions that one comparison means; what a version leaves out stands for all."""
    major, minor, patch = found["major"], found["minor"], found["patch"]
    low = Version(int(major), int(minor or 0), int(patch or 0), found["pre_release"])
    above = None
    if minor is None:
        above = low.bump_major()
    elif patch is None:
        above = low.bump_minor()
    below = None if above is None else _before(above)
    match found["operator"] or found["or_newer"]:
        case "+" | ">=":
            return _Interval(low=low)
        case ">":
            return _Interval(low=above) if above else _Interval(low=low, has_low=False)
        case "<":
            return _Interval(high=_before(low) if above else low)
        case "<=":
            return _Interval(high=below) if below else _Interval(high=low, has_high=True)
        case "^":
            return _Interval(low=low, high=_before(_next_breaking(low, above)))
        case _:
            return _Interval(low, below) if below else _Interval(low, low, has_high=True)


def _next_breaking(low: Version, above: Version | None) -> Version:
    """The next version that may break what `low` kept: the leftmost number that is not 0 grows."""
    if low.major:
        return _released(low).bump_major()
    if low.minor:
        return _released(low).bump_minor()
    return above or _released(low).bump_patch()


def _before(release: Version) -> Version:
    """What is before the first pre-release of a release."""
    return release.replace(prerelease="0")


def _released(version: Version) -> Version:
    return Version(version.major, version.minor, version.patch)
