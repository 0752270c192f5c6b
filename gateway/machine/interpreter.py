"""The Python that runs this, whether its build is optimised, and whether our own modules are compiled."""

# `.ci/create-venv` and the benchmarks run this file with other Pythons: it imports the standard library alone.
import platform
import sys
import sysconfig
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec

#: How much less CPU the gateway needs with an optimised build (docs/deployment.md).
SAVED = "11 to 29 %"

# Those that Debian's rules name, as `uname -m` calls them.
_DEBIAN_OPTIMISES = ("x86_64", "i", "aarch64", "arm", "ppc", "s390x")


def optimisations() -> tuple[str, ...] | None:
    """Name what CPython was optimised by when it was built, PGO and LTO; None if the build doesn't tell.

    CPython's `configure` is told, and its arguments are kept. Debian and Ubuntu run `make profile-opt`
    instead and remove the flags; they are known by an install scheme of their own. Another Python
    in /usr may be built in the same way.
    """
    arguments = sysconfig.get_config_var("CONFIG_ARGS")
    if sys.implementation.name != "cpython" or not arguments:
        return None
    flags = {"PGO": "--enable-optimizations", "LTO": "--with-lto"}
    found = tuple(name for name, flag in flags.items() if flag in arguments)
    if "PGO" in found:
        return found
    if "deb_system" in sysconfig.get_scheme_names():
        return tuple(flags) if platform.machine().startswith(_DEBIAN_OPTIMISES) else None
    return None if sys.base_prefix == "/usr" else found


def is_optimised() -> bool | None:
    """Whether the build used profile-guided optimisation (PGO); None if it doesn't tell."""
    found = optimisations()
    return None if found is None else "PGO" in found


def description() -> str:
    """Name implementation and version, and what the build was optimised by."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    found = optimisations()
    if found is None:
        return name
    if "PGO" not in found:
        return f"{name}, not optimised (no PGO)"
    return f"{name}, optimised ({', '.join(found)})"


def is_compiled() -> bool:
    """Whether the way of a proxied request is machine code (docs/decisions/0012-compiled-modules.md)."""
    hop = find_spec("gateway.hop.proxy")
    return hop is not None and isinstance(hop.loader, ExtensionFileLoader)
