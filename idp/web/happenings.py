"""Events of the audit log as the person reads them in their history; others are not shown there.

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
}
