"""market_data_service: symbols, candles and ticks, simulated or recorded."""
