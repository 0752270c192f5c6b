"""In which order a running stack becomes the one that is asked for, without a gap where there need be none."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec

MakeStandIn = Callable[[ProcessSpec], ProcessSpec]
_NOT_ROLLED = frozenset({GATEWAY, REGISTRY})


@dataclass(frozen=True, slots=True)
class Step:
    """Stop these side by side; then start those side by side, and wait until all of them answer."""

    stop: tuple[str, ...] = ()
    start: tuple[ProcessSpec, ...] = ()


def steps(
    running: Mapping[str, ProcessSpec],
    asked: Mapping[str, ProcessSpec],
    restart: Collection[str],
    make_stand_in: MakeStandIn,
) -> list[Step]:
    """One instance of a service after another; a single one is stood in for meanwhile.

    `restart` names processes that run and are asked for. The gateway comes last: whatever fails
    before leaves it alone.
    """
    new = [spec for name, spec in asked.items() if name not in running]
    gone = [name for name in running if name not in asked]
    rolled = [asked[name] for name in asked if name in restart and name not in _NOT_ROLLED]
    stand_ins = [make_stand_in(spec) for spec in _single(rolled, running, asked)]
    ending = [*gone, *(spec.name for spec in stand_ins)]
    return [
        *_registry(new, asked, restart),
        *_step(start=[*(spec for spec in new if spec.name != REGISTRY), *stand_ins]),
        *(_anew(wave) for wave in _waves(rolled)),
        *_step(stop=ending),
        *(_anew([asked[name]]) for name in asked if name == GATEWAY and name in restart),
    ]


def steps_to_another_registry(
    running: Mapping[str, ProcessSpec], asked: Mapping[str, ProcessSpec]
) -> list[Step]:
    """Everything stops and starts: a gateway routes to nobody who registers elsewhere."""
    new_registry = [asked[REGISTRY]] if REGISTRY in asked and REGISTRY not in running else []
    old_registry = [REGISTRY] if REGISTRY in running and REGISTRY not in asked else []
    return [
        *_step(start=new_registry),
        *_step(stop=[name for name in running if name == GATEWAY]),
        Step(
            stop=tuple(name for name in running if name not in _NOT_ROLLED),
            start=tuple(spec for name, spec in asked.items() if name != REGISTRY),
        ),
        *_step(stop=old_registry),
    ]


def _registry(
    new: Iterable[ProcessSpec], asked: Mapping[str, ProcessSpec], restart: Collection[str]
) -> list[Step]:
    """Before all that needs it."""
    if REGISTRY in restart:
        return [_anew([asked[REGISTRY]])]
    return _step(start=[spec for spec in new if spec.name == REGISTRY])


def _single(
    rolled: Iterable[ProcessSpec],
    running: Mapping[str, ProcessSpec],
    asked: Mapping[str, ProcessSpec],
) -> list[ProcessSpec]:
    """Those beside which no other instance of their service takes requests."""
    instances = Counter(spec.service for spec in ({**asked, **running}).values())
    return [spec for spec in rolled if instances[spec.service] == 1]


def _waves(rolled: Iterable[ProcessSpec]) -> list[list[ProcessSpec]]:
    """Of each service one at a time, of different services side by side."""
    by_service: dict[str, list[ProcessSpec]] = {}
    for spec in rolled:
        by_service.setdefault(spec.service, []).append(spec)
    return [
        [spec for spec in wave if spec is not None] for wave in zip_longest(*by_service.values())
    ]


def _anew(specs: Collection[ProcessSpec]) -> Step:
    return Step(stop=tuple(spec.name for spec in specs), start=tuple(specs))


def _step(*, stop: Collection[str] = (), start: Collection[ProcessSpec] = ()) -> list[Step]:
    return [Step(tuple(stop), tuple(start))] if stop or start else []
