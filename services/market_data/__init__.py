"""market_data_service: symbols, candles and ticks of a simulated exchange or a recorded one."""
