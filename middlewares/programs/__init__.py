"""What every program of ours does, whatever it serves: signals, standard streams."""
