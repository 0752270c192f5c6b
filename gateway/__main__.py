"""`python -m gateway`: the gateway alone, in the foreground."""

from lockgate.gateway import main

if __name__ == "__main__":
    main("python -m gateway")
