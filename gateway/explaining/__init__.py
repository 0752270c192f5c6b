"""Why a request can't be answered by an instance, in words that help."""
