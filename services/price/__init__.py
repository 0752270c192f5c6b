"""price_service: the last price of each symbol, how it changed in a day, and a live feed."""
