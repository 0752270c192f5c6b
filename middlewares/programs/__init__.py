"""What all our programs do alike: signals, standard streams, environment variables."""
