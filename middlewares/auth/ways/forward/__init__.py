"""Another service decides about each request, by the status of its answer."""
