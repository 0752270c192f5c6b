"""What was measured of the registry's costs, kept in a file for the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.carries.fitting import Fit
from bench.carries.trials import Measured

#: What `python -m bench carries --write FILE` wrote on the machine that docs/scaling.md names.
MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Costs:
    """What one of each part costs: CPU in µs, bytes in and out; memory in bytes; latencies in µs."""

    cpu_us: Mapping[str, Mapping[str, float]]
    bytes_in: Mapping[str, Mapping[str, float]]
    bytes_out: Mapping[str, Mapping[str, float]]
    memory: Mapping[str, float]
    #: The way there and back, as the limiter's calls had it at rest.
    way_us: float
    about: str

    def of(self, family: str, parts: Mapping[str, float]) -> tuple[float, float, float]:
        """(CPU in µs, bytes in, bytes out) of a call with these parts, without waking up."""
        cpu, into, out = (
            Fit(kind[family]).cost(parts) for kind in (self.cpu_us, self.bytes_in, self.bytes_out)
        )
        return cpu, into, out

    def wake_us(self, family: str) -> float:
        """What such a call costs more where the registry had nothing to do before.

        Where that was not measured for the family, it is as for the limiter's calls.
        """
        return self.cpu_us[family].get("wake", self.cpu_us["limits"].get("wake", 0.0))


def of_measured(
    families: Mapping[str, Measured], memory: Mapping[str, float], way_us: float, about: str
) -> Costs:
    return Costs(
        {name: one.cpu_us.each for name, one in families.items()},
        {name: one.bytes_in.each for name, one in families.items()},
        {name: one.bytes_out.each for name, one in families.items()},
        memory,
        way_us,
        about,
    )


def load(path: Path = MEASURED) -> Costs:
    said = json.loads(path.read_text("utf-8"))
    return Costs(**said)


def save(costs: Costs, path: Path) -> None:
    def rounded(each: Mapping[str, float]) -> dict[str, float]:
        return {name: round(value, 3) for name, value in each.items()}

    said = {
        "about": costs.about,
        "way_us": round(costs.way_us, 1),
        "memory": rounded(costs.memory),
        "cpu_us": {name: rounded(each) for name, each in costs.cpu_us.items()},
        "bytes_in": {name: rounded(each) for name, each in costs.bytes_in.items()},
        "bytes_out": {name: rounded(each) for name, each in costs.bytes_out.items()},
    }
    path.write_text(json.dumps(said, indent=2) + "\n", "utf-8")
