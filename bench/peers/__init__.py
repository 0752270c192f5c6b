"""The measured proxies; each module knows one program: where it is, and its configuration."""
