"""How far one registry carries: what each kind of work costs it, and a model of what follows."""
