"""supervisord, which keeps the processes of a stack."""
