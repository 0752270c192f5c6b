"""What a composition decides: the order of its parts, what each is asked, and what becomes of their answers."""
