"""This distribution's package `discovery` under a second name that no project has.

It is used where a project has its own `discovery`. Its modules are the same files, imported anew.
"""

from importlib import import_module
from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent.parent / "discovery")]
__getattr__ = import_module("lockgate.discovery.exports").export
