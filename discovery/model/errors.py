"""Discovery's exceptions; all of them are DiscoveryError."""


class DiscoveryError(Exception):
    """Parent of every exception that the Python API raises."""


class ServiceNotFound(DiscoveryError):
    """No healthy instance of the service is registered."""


class RegistryUnavailable(DiscoveryError):
    """The registry does not answer, and the last known answer is too old.

    `what` is the message without `advice`, which helps on a first connection.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}; {advice}" if advice else what)
        self.what = what


class RegistryRefuses(RegistryUnavailable):
    """The registry answers, but takes no writes now, or none from this user."""


class RegistryDenies(RegistryRefuses):
    """The registry does not know the user or the password, or the user lacks the right."""


class RegistrationRefused(DiscoveryError):
    """A registration is refused, and trying again does not help; the message says what to change."""


class InvalidRegistration(DiscoveryError):
    """A registration is not of the documented shape; the message names the key and what is allowed."""


class ForbiddenAddress(DiscoveryError):
    """An instance's address is one that is never connected to."""


class SettingsError(DiscoveryError):
    """A setting is not allowed; the message is one line: the variable, the value, what is allowed."""
