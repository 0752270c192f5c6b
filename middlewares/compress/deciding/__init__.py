"""What is compressed, in which coding, and what its head then says."""
