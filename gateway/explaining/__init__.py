"""Why no instance can answer a request, in words that help."""
