"""What the three products share: app factory, sign-on, sessions, logout, look."""
