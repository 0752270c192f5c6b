"""market_analyzer_service: technical indicators of market data's closed candles."""
