"""The page at `/`: what is shown of the services, and how it is rendered."""
