"""``make bench``: what one operation costs the server, against a floor measured in the same run."""
