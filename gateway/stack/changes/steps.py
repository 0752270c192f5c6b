"""The order in which a running stack becomes the one that is asked for, with as few gaps as possible."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec

MakeStandIn = Callable[[ProcessSpec], ProcessSpec]
_NOT_ROLLED = frozenset({GATEWAY, REGISTRY})


@dataclass(frozen=True, slots=True)
class Step:
    """Stop some processes together; then start others together, and wait until all answer."""

    stop: tuple[str, ...] = ()
    start: tuple[ProcessSpec, ...] = ()


def steps(
    running: Mapping[str, ProcessSpec],
    asked: Mapping[str, ProcessSpec],
    restart: Collection[str],
    make_stand_in: MakeStandIn,
) -> list[Step]:
    """One instance of a service after another; a single one gets a stand-in meanwhile.

    `restart` names processes that run and are asked for. The gateway comes last, so that a failure
    before it leaves it alone.
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
    """Stop everything, then start it: a gateway finds no service in another registry."""
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
    """The step for the registry, before those of everything that needs it."""
    if REGISTRY in restart:
        return [_anew([asked[REGISTRY]])]
    return _step(start=[spec for spec in new if spec.name == REGISTRY])


def _single(
    rolled: Iterable[ProcessSpec],
    running: Mapping[str, ProcessSpec],
    asked: Mapping[str, ProcessSpec],
) -> list[ProcessSpec]:
    """The processes that are the only ones of their service to take requests."""
    instances = Counter(spec.service for spec in ({**asked, **running}).values())
    return [spec for spec in rolled if instances[spec.service] == 1]


def _waves(rolled: Iterable[ProcessSpec]) -> list[list[ProcessSpec]]:
    """Groups of processes: one at a time of each service, different services together."""
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
