"""Finds environment variables with names close to those of settings, which nothing reads."""

import difflib
from collections.abc import Collection, Iterable

#: Below this, names of other programs match: REDIS_HOST, LOG_FILE, SERVICE_NAME.
_ALIKE = 0.85
_PRODUCT = "LOCKGATE_"


def near_names(given: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """For each name that looks like a setting but is none, the setting that was meant."""
    meant = {name: _meant(name, known) for name in sorted(set(given) - set(known))}
    return {name: one for name, one in meant.items() if one}


def _meant(name: str, known: Collection[str]) -> str:
    if not name.startswith(_PRODUCT):
        return _near(name, known)
    name = name.removeprefix(_PRODUCT)
    exact = [one for one in (name, f"GATEWAY_{name}") if one in known]
    return next(iter(exact), "") or _near(name, known)


def _near(name: str, known: Collection[str]) -> str:
    """The setting that is meant; empty for another program's name (APP_REDIS_URL is a near name)."""
    if any(name.endswith(f"_{one}") for one in known):
        return ""
    # SERVICES and SCALE are too short: other programs use such names.
    names = sorted(one for one in known if "_" in one)
    begun = [one for one in names if "_" in name and one.startswith(f"{name}_")]
    close = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)
    return next(iter(begun + close), "")
