"""Rules for bodies of JSON: what they say, and what they make of requests and answers."""
