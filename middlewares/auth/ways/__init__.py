"""The ways to authenticate a client, each in a folder of its own."""
