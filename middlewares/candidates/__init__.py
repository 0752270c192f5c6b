"""Which instances a request may go to."""
