"""The shared cache: a suite that others wrote, and what a hit costs."""
