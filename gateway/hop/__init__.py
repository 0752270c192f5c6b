"""The hop: chooses an instance, tries it, and decides again."""
