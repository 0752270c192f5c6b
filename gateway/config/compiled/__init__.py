"""What a configuration file says, in the form that the gateway works with."""
