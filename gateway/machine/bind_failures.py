"""Why a port can't be listened at, where the system's message does not say what to do."""

import errno

from gateway.machine.port_holders import who_has


def reason(error: OSError, port: int) -> str:
    """The reason and what to do; `error` is that of `bind`."""
    if error.errno == errno.EACCES:
        return (
            f"port {port} needs root or CAP_NET_BIND_SERVICE "
            "(sysctl net.ipv4.ip_unprivileged_port_start)"
        )
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by {who_has(port)}: stop that, or choose another port"
    return error.strerror or str(error)
