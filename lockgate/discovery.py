"""The package `discovery` of this distribution under a name that no project has.

It is used where a project has a `discovery` of its own. Its modules are the same files, imported anew.
"""

from importlib import import_module
from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent.parent / "discovery")]
__getattr__ = import_module("lockgate.discovery.exports").export
