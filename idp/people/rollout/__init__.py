"""The MFA policy among the people of a company: forecast, saving it, how far it has come."""
