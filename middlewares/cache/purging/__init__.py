"""Purges: they hold in every worker of every gateway, also in one that was cut off meanwhile."""
