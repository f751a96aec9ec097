"""The people of a company: found, invited, let in, changed, locked, removed; who is told of it."""
