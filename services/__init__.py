"""The example services: real programs that find each other through discovery."""
