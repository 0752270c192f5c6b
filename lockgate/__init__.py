"""The public face for services: `from lockgate import announce, get_service_registry`.

It works in projects that have their own packages `discovery`, `gateway`, `middlewares`, `services` or
`shared`. A name is imported when it is first used, so the command starts quickly. This module imports
nothing: ^C during an import would print a traceback (lockgate/stopping.py).
"""

TYPE_CHECKING = False  # type checkers read it as `typing.TYPE_CHECKING`

if TYPE_CHECKING:
    from discovery import (
        Announcement,
        AsyncServiceRegistry,
        Change,
        DiscoveryError,
        InvalidRegistration,
        RegistrySettings,
        RegistryUnavailable,
        ServiceNotFound,
        ServiceRegistry,
        SettingsError,
        announce,
        announced,
        get_service_registry,
    )
    from lockgate.prefix import ASGIPrefixMiddleware, WSGIPrefixMiddleware, forwarded_prefix

#: Names from `lockgate.prefix`; all others are from `discovery`.
_OF_PREFIX = ("ASGIPrefixMiddleware", "WSGIPrefixMiddleware", "forwarded_prefix")

__all__ = [
    "ASGIPrefixMiddleware",
    "Announcement",
    "AsyncServiceRegistry",
    "Change",
    "DiscoveryError",
    "InvalidRegistration",
    "RegistrySettings",
    "RegistryUnavailable",
    "ServiceNotFound",
    "ServiceRegistry",
    "SettingsError",
    "WSGIPrefixMiddleware",
    "announce",
    "announced",
    "forwarded_prefix",
    "get_service_registry",
]


if not TYPE_CHECKING:  # else a type checker would accept any name, even a mistyped one

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name in _OF_PREFIX:
            owner = import_module("lockgate.prefix")
        else:
            owner = import_module("lockgate.own_packages").own_discovery()
        value = globals()[name] = getattr(owner, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
