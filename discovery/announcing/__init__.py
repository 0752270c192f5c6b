"""How a service registers, stays registered, and says goodbye."""
