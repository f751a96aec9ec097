"""Why an account operation was refused."""


class UnknownAccount(LookupError):
    """No such account."""

    def __init__(self) -> None:
        super().__init__("there is no such account")


class EmailTaken(ValueError):
    """The address already has an account."""

    def __init__(self) -> None:
        super().__init__("this e-mail address already has an account")


class InvalidCredentials(Exception):
    """Address and password do not belong together; which of the two is wrong is not told."""
