"""The layers in front of the hop, each with its arithmetic beside it."""
