"""The commands, one a module: what each is called with; the work is imported when it is called."""
