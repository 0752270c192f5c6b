"""Changes a running stack into the one that is asked for."""
