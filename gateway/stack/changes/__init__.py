"""From the stack that runs to the one that is asked for."""
