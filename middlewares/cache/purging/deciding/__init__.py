"""What purging decides: pure."""
