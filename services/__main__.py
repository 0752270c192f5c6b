"""`python -m services NAME`: one of the services in the foreground."""

from lockgate.services import main

if __name__ == "__main__":
    main("python -m services")
