"""Users with passwords, and how clients send them."""

import base64

import bcrypt


def htpasswd(**users: str) -> bytes:
    """The file of these users; the hashes take as little time as there may be."""
    lines = [
        f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"
        for name, password in users.items()
    ]
    return "".join(lines).encode()


def basic(name: str, password: str) -> str:
    """The line of Authorization."""
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
