"""E-mail addresses: one spelling per mailbox, so that one address is one account.

The only user of email-validator. No look-up in the DNS: the code mailed there is the proof.
"""

import email_validator
from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 254

# The documented way to let names pass that serve demos, test beds and company-internal mail.
_ACCEPTED_SPECIAL_USE = ("test", "local", "localhost")
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in _ACCEPTED_SPECIAL_USE
]


class InvalidEmail(ValueError):
    """What was typed is no e-mail address."""


def normalise_email(text: str) -> str:
    """Lower case, ASCII domain (IDNA); raises ``InvalidEmail``."""
    try:
        found = validate_email(
            text.strip()[: MAX_LENGTH + 1],
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
            allow_domain_literal=False,
            allow_quoted_local=False,
        )
    except EmailNotValidError as error:
        raise InvalidEmail("this is not an e-mail address, such as name@company.example") from error
    address = (found.ascii_email or "").lower()
    if not address or len(address) > MAX_LENGTH:
        raise InvalidEmail("this is not an e-mail address, such as name@company.example")
    return address
