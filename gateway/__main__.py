"""`python -m gateway`: the gateway alone, in the foreground."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # A folder that it is started in may have packages with the names of ours.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from gateway.process import main

    sys.exit(main())
