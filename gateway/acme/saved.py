"""The certificates on disk, for a gateway that starts while the registry is away."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from discovery.view.saved_view import write
from gateway.acme.deciding.state import (
    CERTIFICATE,
    Certificate,
    decode_state,
    encode_certificate,
)

#: A file of another format is ignored.
FORMAT = "lockgate-certificates-1"

_log = structlog.get_logger()


def beside(view_file: Path) -> Path:
    """Where they are kept: beside the file of the view."""
    return view_file.with_name(f"{view_file.name}.certificates")


def save(path: Path, directory: str, certificates: Mapping[str, Certificate]) -> None:
    """Replace the file in one step, readable by its owner alone; OSError if that fails."""
    kept = {domain: encode_certificate(one) for domain, one in certificates.items()}
    head = {"format": FORMAT, "directory": directory}
    write(path, [json.dumps(head), json.dumps(kept)], time.time())


def load(path: Path, directory: str) -> Mapping[str, Certificate]:
    """The certificates of a directory by domain; none where the file is not there or not valid."""
    try:
        head, kept = map(json.loads, path.read_bytes().splitlines())
        if head != {"format": FORMAT, "directory": directory}:
            return {}
        fields = {f"{CERTIFICATE}{domain}": value for domain, value in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        detail = error.strerror if isinstance(error, OSError) else "it is not one of ours"
        _log.warning("certificate.file_ignored", path=str(path), detail=detail)
        return {}
    return decode_state(fields, {}, 0.0).certificates
