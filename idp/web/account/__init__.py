"""Self-service under /account: who one is, what protects the account, where it is signed in.

Looking needs a sign-in; whatever weakens or changes the account's protection needs one that is a
few minutes old (M12). What only takes trust back (signing a device out) does not.
"""

from idp.web.account.frame import bp

__all__ = ["bp"]

from idp.web.account import (  # noqa: F401 - they add their routes
    adding,
    admin_request,
    app_passwords,
    clients,
    companies,
    delete,
    devices,
    factors,
    history,
    home,
    password,
    profile,
)
