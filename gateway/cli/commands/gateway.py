"""`lockgate gateway`: the gateway alone, in the foreground."""

from gateway.cli.application import command


@command()
def gateway() -> int:
    """Run the gateway in the foreground, as `python -m gateway` does."""
    from gateway.process import main

    return main()
