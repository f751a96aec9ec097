"""Locked out, or signed in to by somebody else: help, cases with two operators, notices, alerts."""
