"""The proxies that are measured; each module knows one program: where it is, and how it is told what to do."""
