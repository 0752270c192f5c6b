"""Answers for CORS in place of the services (https://fetch.spec.whatwg.org/#http-cors-protocol)."""
