"""What every example service is built on."""
