"""The page at `/`: what it shows of the services, and its HTML."""
