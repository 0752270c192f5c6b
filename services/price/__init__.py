"""price_service: the last price of each symbol, its change in a day, and a live feed."""
