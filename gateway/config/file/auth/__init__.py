"""Who may call: the ways to authenticate clients, and what routes ask for."""
