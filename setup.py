"""What setup.cfg can't say: README.md with links for package indexes, and modules as machine code.

Modules are compiled only if LOCKGATE_COMPILE=1 asks for it (docs/decisions/0012-compiled-modules.md).
"""

import os
import re
from pathlib import Path

from setuptools import Extension, setup

REPOSITORY = "https://github.com/lockgate/lockgate"
FILES = "https://raw.githubusercontent.com/lockgate/lockgate/main"

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)")
_IMAGE = re.compile(r"(?<=\bsrc=\")(?!\w+:)|(?<=\bsrcset=\")(?!\w+:)")

#: The modules on the way of a proxied request, without those that mypyc can't compile.
COMPILED = {
    "gateway/forwarding": "field_lines fields head_changes memories plain_answers requests responses",
    "gateway/front": "answer client_room delivering interim plain_heads refusing straight tunnel",
    "gateway/hop": "attempt proxy sending traffic_evidence",
    "gateway/hop/deciding": "retrying suspecting tries",
    "gateway/hop/deciding/balancing": "choice p2c",
    "gateway/upstream": "chunk_lines client connection idling invalid_answers latency limits messages plain_bodies"
    " pool response_reader sockets upload wire",
    "gateway/worker": "answer_fields",
    "middlewares": "errors exchange head_changes header_section memory problems request_target trace_context",
    "middlewares/auth": "layer",
    "middlewares/auth/deciding": "credentials",
    "middlewares/candidates": "layer",
    "middlewares/clients": "clients deciding",
    "middlewares/hygiene": "content_length deciding layer",
    "middlewares/limits": "layer",
    "middlewares/routing": "configured deciding layer own_answers recent routing",
    "middlewares/telemetry": "attempts correlation_ids layer line_writer log_levels logs metric_families metrics"
    " printable seldom",
}


def compiled() -> list[Extension]:
    """The modules that are compiled, as one extension; LOCKGATE_OPT_LEVEL=1 halves the time of the build."""
    if os.environ.get("LOCKGATE_COMPILE") != "1":
        return []
    from mypyc.build import mypycify

    files = [f"{folder}/{name}.py" for folder, names in COMPILED.items() for name in names.split()]
    return mypycify(
        files,
        opt_level=os.environ.get("LOCKGATE_OPT_LEVEL", "3"),
        debug_level="0",
        group_name="lockgate",
    )


def description() -> str:
    text = Path(__file__).with_name("README.md").read_text("utf-8")
    # Indexes show no <picture>: its <img>, for light and dark, is left.
    text = re.sub(r"</?picture>\n?|\s*<source [^>]*>\n?", "", text)
    return _LINK.sub(f"{REPOSITORY}/blob/main/", _IMAGE.sub(f"{FILES}/", text))


setup(long_description=description(), ext_modules=compiled())
