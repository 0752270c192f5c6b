"""Compares what reads quickly with what reads everything, on very many heads."""
