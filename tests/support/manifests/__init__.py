"""Builds deploy/kubernetes without a cluster, and says what is wrong with what was built."""
