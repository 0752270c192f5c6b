"""price_service: the last price of each symbol, and how it changed in a day."""
