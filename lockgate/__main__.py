"""`python -m lockgate`: the command `lockgate`."""

from lockgate.command import main

if __name__ == "__main__":
    main()
