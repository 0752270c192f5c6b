"""What is said of configuration files."""

from gateway.config.file.loading import read_bytes


def mistakes_in(file: str | bytes) -> list[str]:
    """The lines about the mistakes of a file named f; a file with mistakes has no configuration."""
    read = read_bytes(file.encode() if isinstance(file, str) else file)
    assert (read.configuration is None) == bool(read.errors)
    return [mistake.line("f") for mistake in read.mistakes]
