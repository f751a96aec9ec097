"""Events of the audit log in words: ``HISTORY`` is what people read of themselves; ``COMPANY`` is
what only those read who may read a change log. Each event stands in one of the two.

An event that failed (``outcome`` is ``failure``) says so beside it.
"""

from idp.infra.i18n import mark as _

HISTORY = {
    # signing in and out
    "sign_in.succeeded": _("Signed in"),
    "sign_in.password_wrong": _("Wrong password entered"),
    "sign_in.failed": _("Second factor refused"),
    "sign_in.guessing": _("Many wrong passwords entered"),
    "sign_in.disowned": _("Sign-in reported as not yours, and ended"),
    "code.sent": _("Code sent"),
    "session.ended": _("A device signed out"),
    "session.ended_everywhere": _("All other devices signed out"),
    # the password and what else protects the account
    "password.changed": _("Password changed"),
    "password.taken_over": _("Password taken over from the product used before"),
    "password.reset_requested": _("Link for a new password sent"),
    "factor.enrolled": _("Second factor added"),
    "factor.removed": _("Second factor removed"),
    "mfa.self_enabled": _("Second factor asked for at every sign-in"),
    "mfa.self_disabled": _("Second factor asked for only where it is required"),
    "mfa.reset": _("Second factor reset"),
    "mfa.bypass_granted": _("One sign-in without second factor allowed"),
    "mfa.bypass_revoked": _("Sign-in without second factor no longer allowed"),
    "mfa.bypass_used": _("Signed in without second factor, as allowed"),
    "mfa.reminded": _("Reminded to set up a second factor"),
    "passkey.counter_regressed": _("A passkey may have been copied and was refused"),
    "recovery_code.used": _("Recovery code used"),
    "recovery_codes.renewed": _("New recovery codes made"),
    "device.forgotten": _("A remembered device forgotten"),
    "device.all_forgotten": _("All remembered devices forgotten"),
    # help
    "help.asked": _("Help asked for, because the second factor was lost"),
    "recovery_case.opened": _("Help of the operator asked for"),
    "recovery_case.approved": _("Request for help approved"),
    "recovery_case.refused": _("Request for help refused"),
    "recovery_case.cancelled": _("Request for help withdrawn"),
    # the account
    "account.created": _("Account created"),
    "account.changed": _("Profile changed"),
    "account.email_verified": _("E-mail address confirmed"),
    "account.locked": _("Account locked"),
    "account.unlocked": _("Account unlocked"),
    "consent.granted": _("Access given"),
    "consent.revoked": _("Access withdrawn"),
    # companies
    "member.added": _("Company joined"),
    "member.activated": _("Let in by the company"),
    "member.locked": _("Locked in the company"),
    "member.unlocked": _("Unlocked in the company"),
    "member.removed": _("Removed from the company"),
    "member.role": _("Role changed"),
    "member.permissions": _("Permissions changed"),
    "member.refused": _("Not let in by the company"),
    "admin_request.asked": _("Asked to become an admin"),
    "admin_request.withdrawn": _("Request to become an admin withdrawn"),
    "admin_request.consented": _("Request to become an admin supported by an admin"),
    "admin_request.approved": _("Request to become an admin approved by the operator"),
    "admin_request.refused": _("Request to become an admin refused"),
    "admin_request.granted": _("Became an admin"),
    "letter.sent": _("Wrote to the company’s admins"),
    # application passwords
    "app_password.created": _("Application password made"),
    "app_password.deleted": _("Application password deleted"),
    "app_password.revoked": _("Application password ended by the company"),
    "app_password.ended": _("Application passwords ended"),
}

COMPANY = {
    # people
    "account.deleted": _("Account deleted"),
    "member.mfa_selected": _("Chosen for the second factor, or no longer"),
    "member.products": _("Products changed"),
    "member.join_refused": _("Joining the company refused"),
    "invitation.sent": _("Invitation sent"),
    "invitation.resent": _("Invitation sent again"),
    "invitation.revoked": _("Invitation withdrawn"),
    "invitation.withdrawn": _("Invitation taken back with its import"),
    "invitation.accepted": _("Invitation accepted"),
    "operator.granted": _("Made an operator"),
    "operator.revoked": _("No longer an operator"),
    "people.exported": _("List of people exported"),
    "registration.requested": _("Registration begun"),
    "registration.address_known": _("Registration with a known address"),
    # import and activation
    "import.staged": _("File for an import uploaded"),
    "import.collisions_decided": _("Collisions of an import decided"),
    "import.started": _("Import started"),
    "import.paused": _("Import paused"),
    "import.resumed": _("Import resumed"),
    "import.finished": _("Import finished"),
    "import.discarded": _("Import discarded"),
    "import.undo_started": _("Undoing an import started"),
    "import.undone": _("Import undone"),
    "tenant.activated": _("Central accounts activated"),
    "tenant.cutover_postponed": _("Cut-off postponed"),
    "activation.reminded": _("Reminded to set up the account"),
    "legacy_login.configured": _("Sign-in of the former product connected"),
    "legacy_login.removed": _("Sign-in of the former product disconnected"),
    # the company
    "tenant.created": _("Company created"),
    "tenant.changed": _("Company changed"),
    "tenant.products": _("Booked products changed"),
    "policy.changed": _("Security policy changed"),
    "app_password.policy": _("Rule for application passwords changed"),
    # clients and what they do
    "client.registered": _("Client app registered"),
    "client.changed": _("Client app changed"),
    "client.disabled": _("Client app switched off"),
    "client.enabled": _("Client app switched on"),
    "client.deleted": _("Client app deleted"),
    "client.secret_rotated": _("New secret of a client app"),
    "client.secret_ended": _("Secret of a client app ended"),
    "client.tested": _("Sign-in of a client app tested"),
    "code.replayed": _("Authorization code used twice"),
    "refresh_token.reused": _("Refresh token used twice"),
    "console.refused": _("Console refused to somebody without the right"),
    "console.not_found": _("Asked in the console for what is not there"),
    "api.refused": _("Request of a program refused"),
    "api.not_found": _("A program asked for what is not there"),
    "token.issued": _("Token for programs issued"),
    "token.revoked": _("Token for programs revoked"),
    # the log itself
    "log.exported": _("Change log exported"),
    "log.retention": _("How long the change log is kept changed"),
    "log.let_go": _("Old records of the change log let go"),
    # the platform
    "audit.verification_asked": _("Check of a change log asked for"),
    "audit.verified": _("Change log checked"),
    "delivery.retried": _("Delivery tried again"),
    "delivery.dropped": _("Delivery given up"),
    "legacy_login.silent": _("Former product stopped answering about passwords"),
    "legacy_login.answers": _("Former product answers about passwords again"),
    "keys.rotated": _("Signing keys rotated"),
    "keys.retired": _("Signing key retired"),
}

WORDS = {**HISTORY, **COMPANY}
"""Every event in words."""

CATEGORIES = {
    "sign-in": _("Signing in"),
    "factors": _("Second factors"),
    "accounts": _("Accounts"),
    "people": _("People"),
    "consent": _("Access given"),
    "app-passwords": _("Application passwords"),
    "clients": _("Client apps"),
    "tenant": _("Company"),
    "protocol": _("Tokens"),
    "security": _("Security"),
    "log": _("Change log"),
    "operations": _("Operations"),
}
"""What the events are filed under."""
