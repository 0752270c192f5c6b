"""Changes requests before instances get them, and answers before clients do, by the rules of a route."""
