"""Becoming an admin."""
