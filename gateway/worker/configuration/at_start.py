"""The file that a gateway starts with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from discovery.base.steps import Steps
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.drafts import Draft
from gateway.worker.configuration.kept import KeptFile, kept_file
from gateway.worker.configuration.reloading import ConfigurationRejected, Origin

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.compiled.compiling import Compiled

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AtStart:
    """A compiled file, what it was made of, and how it is read again, compared and freed."""

    file: Path
    origin: Origin
    compiled: "Compiled"
    read: "Callable[[bytes], Steps[Draft[Compiled]]]"
    differences: "Callable[[Compiled, Compiled], Steps[Sequence[str]]]"
    parts: "Callable[[Compiled], Iterable[object]]"
    #: What it was made of, whole.
    whole: KeptFile


def read_at_start(settings: GatewaySettings, kept: Mapping[str, Any] = _NOTHING) -> AtStart | None:
    """The file of GATEWAY_CONFIG; None if none is named. Raises ConfigurationRejected.

    What the master has kept comes before the file: it is in force in this gateway.
    """
    if settings.gateway_config is None:
        return None
    from gateway.worker.configuration.reading import read_file, read_kept

    in_force = kept_file(kept)
    if in_force is not None:
        with suppress(ConfigurationRejected):  # another release may find mistakes in it
            return read_kept(settings.gateway_config, settings, in_force)
    return read_file(settings.gateway_config, settings)
