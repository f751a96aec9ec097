"""Whom the bench signs in: numbered addresses, one key for everybody's authenticator app."""

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def email(number: int) -> str:
    """The address of an account made by ``bench.seed``."""
    return f"bench{number}@example.com"
