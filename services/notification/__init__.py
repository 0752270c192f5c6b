"""notification_service: keeps notifications, lists them, and streams them as they come."""
