"""What follows in one folder from a change in another."""

from idp.accounts.service import AccountService
from idp.authn.service import AuthnService
from idp.authn.sessions import EndedSession, Sessions
from idp.grants.service import Grants
from idp.people.admin_requests.service import AdminRequests
from idp.people.app_passwords import PeoplesAppPasswords
from idp.people.members.service import PeopleService
from idp.people.members.told import Told
from idp.people.recovery.not_me import SignInNotices
from idp.protocol.server import ProtocolServer


def tie(
    accounts: AccountService,
    people: PeopleService,
    sign_in_notices: SignInNotices,
    sessions: Sessions,
    authn: AuthnService,
    grants: Grants,
    protocol: ProtocolServer,
    told: Told,
    admin_requests: AdminRequests,
    app_passwords: PeoplesAppPasswords,
) -> None:
    """What follows elsewhere from a change; all of it in the transaction of the change."""

    def session_ended(ended: EndedSession) -> None:
        protocol.notify_logout(ended.session.sid)

    def password_changed(account_id: str, subject: str, keep_sid: str | None) -> None:
        authn.password_changed(account_id, subject, keep_sid)
        grants.end_account(account_id, "password changed")
        if keep_sid is None:  # not by the person signed in: by a link, because it was lost
            app_passwords.end_account(account_id, subject, "password reset")

    def account_ended(account_id: str, subject: str) -> None:
        authn.password_changed(account_id, subject, None)
        grants.end_account(account_id, "account reset")
        app_passwords.end_account(account_id, subject, "account reset")

    def account_locked(account_id: str, subject: str) -> None:
        authn.devices.forget_all(account_id)
        told.account_ended(account_id, subject)
        grants.end_account(account_id, "account locked")
        app_passwords.end_account(account_id, subject, "account locked")

    def membership_ended(account_id: str, subject: str, tenant_id: str) -> None:
        told.membership_ended(account_id, subject, tenant_id)
        admin_requests.membership_ended(account_id, tenant_id)
        grants.end_membership(account_id, tenant_id, "membership ended")
        app_passwords.end_membership(account_id, subject, tenant_id, "membership ended")

    sessions.on_end.append(session_ended)
    accounts.on_password_changed.append(password_changed)
    accounts.on_locked.append(account_locked)
    people.on_factors_reset.append(account_ended)
    sign_in_notices.on_disowned.append(account_ended)
    people.on_membership_ended.append(membership_ended)
    people.on_made_admin.append(admin_requests.made_admin)
