"""supervisord, which keeps a stack's processes running."""
