"""The checks of `lockgate doctor`: what is configured, and what runs; each finding has advice."""
