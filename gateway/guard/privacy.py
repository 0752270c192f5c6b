"""Refuses files with secrets that others can read."""

from discovery.base.privacy import require_privacy as require_privacy
