"""New passwords: the rules that each has to pass, wherever it is set (S4, S5).

Asked by ``accounts.service`` for an account and by registration before there is one.
"""

from collections.abc import Callable, Sequence

from idp.accounts.breached import Breached
from idp.accounts.models import Account
from idp.accounts.passwords import WeakPassword, check_new_password
from idp.settings import AccountSettings


class NewPasswords:
    """The rules, with the list of leaked passwords where the operator has one."""

    def __init__(self, settings: AccountSettings) -> None:
        path = settings.breached_passwords
        self.breached = Breached(path) if path is not None else None
        self.company_names: Callable[[str], Sequence[str]] = lambda account_id: ()
        """The names of an account's companies, which this layer cannot see: set from above."""

    def check(self, password: str, account: Account) -> None:
        """Refuse a weak one for this account; raises as :meth:`check_typed` does."""
        own = (
            account.email,
            account.given_name,
            account.family_name,
            account.nickname,
            account.preferred_username,
        )
        self.check_typed(password, list(filter(None, own)), self.company_names(account.id))

    def check_typed(
        self, password: str, personal: Sequence[str], around: Sequence[str] = ()
    ) -> None:
        """The same before there is an account (``passwords.check_new_password`` says of what).

        Raises ``WeakPassword``, and ``BreachedUnavailable`` while the list cannot be read: no
        password is taken unchecked.
        """
        check_new_password(password, personal, around)
        if self.breached is not None and self.breached.has(password):
            raise WeakPassword("password-breached")
