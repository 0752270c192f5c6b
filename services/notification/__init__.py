"""notification_service: notifications that are kept, listed, and streamed as they come."""
