"""Small stand-ins for the gateway and a service, and a stack of them on free ports."""

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.ports import free_port
from gateway.stack.changes.variables import settings_for
from gateway.stack.down import stop_everything
from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.state import StackState
from gateway.stack.up import StartUp

PROGRAM = Path(__file__).with_name("stand_in_process.py")


def stand_in(name: str, port: int, behaviour: str = "serves") -> ProcessSpec:
    service = name.partition("-")[0]
    own = {"GATEWAY_PORT" if service == GATEWAY else "SERVICE_PORT": str(port)}
    return ProcessSpec(name, service, port, (sys.executable, str(PROGRAM), behaviour), own)


def make_stand_in(spec: ProcessSpec, _taken: Collection[int]) -> ProcessSpec:
    port = free_port()
    own = {**spec.environment, "SERVICE_PORT": str(port)}
    return replace(spec, name=f"{spec.service}-stand-in", port=port, environment=own)


@dataclass
class StandInStack:
    """`up` and `down` of a stand-in gateway and service with a real registry."""

    root: Path
    state: StackState
    registry_port: int = field(default_factory=free_port)
    wanted: list[ProcessSpec] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def __post_init__(self) -> None:
        self.wanted = [
            stand_in("price_service", free_port()),
            stand_in(GATEWAY, free_port()),
        ]
        self.environ.pop("REDIS_URL", None)
        self.environ["SHUTDOWN_GRACE"] = "1"

    def start_up(self, *, only: Collection[str] = (), ready_within_s: float = 20.0) -> StartUp:
        return StartUp(
            state=self.state,
            root=self.root,
            make_plan=self._plan,
            make_stand_in=make_stand_in,
            only=frozenset(only),
            registry_port=self.registry_port,
            environ=self.environ,
            report=self.reports.append,
            ready_within_s=ready_within_s,
        )

    def down(self) -> bool:
        return stop_everything(self.state, self.reports.append)

    def _plan(
        self, _running: Sequence[ProcessSpec] | None, environ: Mapping[str, str]
    ) -> list[ProcessSpec]:
        return [
            replace(spec, environment={**settings_for(spec.service, environ), **spec.environment})
            for spec in self.wanted
        ]


def until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    """Poll until `holds()` is true; AssertionError at the deadline."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {within_s} s")
        time.sleep(0.02)
