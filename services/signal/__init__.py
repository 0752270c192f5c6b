"""signal_service: buy, sell or hold, with reasons; a changed signal becomes a notification."""
