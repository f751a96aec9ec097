"""Why an operation on a company or its members was refused."""


class UnknownTenant(LookupError):
    """No such company."""

    def __init__(self) -> None:
        super().__init__("there is no company with this customer number")


class CustomerNumberTaken(ValueError):
    """The customer number already has a company."""

    def __init__(self) -> None:
        super().__init__("this customer number already has a company")


class UnknownMembership(LookupError):
    """No such member, or none of that company."""

    def __init__(self) -> None:
        super().__init__("there is no such member of this company")


class LastAdmin(ValueError):
    """The company would be left without an active admin."""

    code = "last-admin"

    def __init__(self) -> None:
        super().__init__("this is the company's last active admin; make somebody else one first")
