"""Side-by-side measurements of the gateway and its peers; see README.md."""
