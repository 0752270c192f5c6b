"""What an OpenAPI document says of a request, worked out once and then asked for each request."""
