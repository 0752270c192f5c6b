"""The file that a gateway starts with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from discovery.base.steps import Steps
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.drafts import Draft
from gateway.worker.configuration.reloading import Origin

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.compiled.compiling import Compiled


@dataclass(frozen=True, slots=True)
class AtStart:
    """A compiled file, what it was made of, and how it is read again, compared and freed."""

    file: Path
    origin: Origin
    compiled: "Compiled"
    read: "Callable[[bytes], Steps[Draft[Compiled]]]"
    differences: "Callable[[Compiled, Compiled], Steps[Sequence[str]]]"
    parts: "Callable[[Compiled], Iterable[object]]"


def read_at_start(settings: GatewaySettings) -> AtStart | None:
    """The file of GATEWAY_CONFIG; None if none is named. Raises ConfigurationRejected."""
    if settings.gateway_config is None:
        return None
    from gateway.worker.configuration.reading import read_file

    return read_file(settings.gateway_config, settings)
