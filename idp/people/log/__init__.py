"""The change log of a company and a person's own history."""
