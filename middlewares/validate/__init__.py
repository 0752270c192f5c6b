"""Holds requests and answers against the OpenAPI document of the service."""
