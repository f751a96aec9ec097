"""Codes that views hand to a page, as sentences: errors, notices, scopes, factors, roles, states.

The sentences are message ids; the renderer translates them. A new code is added here and nowhere
else, so that the same thing is said the same way on every page.
"""

from idp.infra.i18n import mark as _
from idp.web.client_words import MANAGEMENT
from idp.web.import_words import IMPORT_ERRORS, IMPORT_NOTICES

GENERIC_ERROR = _("That did not work. Please check what you entered and try again.")

ERRORS = {
    # signing in
    "email-required": _("Enter your e-mail address."),
    "invitee-email-required": _("Enter the person’s e-mail address."),
    "email-invalid": _("Enter an e-mail address like name@company.com."),
    "password-required": _("Enter your password."),
    "invalid-credentials": _(
        "E-mail address or password is not right. Check both, or set a new password."
    ),
    "old-product-unavailable": _(
        "Your password is still kept by the product you used before, and that does not answer. "
        "Try again in a few minutes, or set a new password."
    ),
    "code-required": _("Enter the code."),
    "code-invalid": _("This code is not right. Wait for the next one and enter that."),
    "code-used": _("This code was used already. Wait for the next one and enter that."),
    "code-expired": _("This code is too old. Request a new one."),
    "factor-stopped": _("Too many wrong codes. Choose another way, or try again %(wait)s."),
    "passkey-required": _("Use your passkey with the button below."),
    "passkey-failed": _("This passkey was not accepted. Try again, or choose another way."),
    "passkey-expired": _("That took too long. Please try again."),
    "passkey-unknown": _("This passkey no longer belongs to an account. Choose another way."),
    "passkey-unverified": _(
        "This passkey did not check that it is you. Turn on its PIN, fingerprint or face, "
        "or choose another way."
    ),
    "passkey-copied": _(
        "This passkey may have been copied, so it is no longer accepted. "
        "Choose another way, then remove it in your account."
    ),
    "passkey-known": _("This passkey is set up already."),
    "passkey-limit": _("You have as many passkeys as we keep. Remove one first."),
    "recovery-code-invalid": _(
        "This recovery code is not right or was used already. Enter one you have not used yet."
    ),
    "mail-code-invalid": _("This code is not right. Enter the one from the newest e-mail."),
    "throttled": _("Too many attempts. Please try again %(wait)s."),
    "resend-too-soon": _("We have just sent a code. Please wait a minute before asking again."),
    "sent-code-invalid": _("This code is not right. Enter the one from the newest message."),
    "too-many-codes": _("Too many codes were sent. Confirm another way, or try again later."),
    "phone-invalid": _("Enter a telephone number like +49 171 3920000."),
    "phone-refused": _("No codes are sent to such a number. Enter another one."),
    "phone-no-texts": _("This number takes no text messages. Enter a mobile number."),
    "phone-required": _("Enter the telephone number."),
    "phone-known": _("This number is set up already."),
    "too-many-apps": _("Five apps are set up already. Remove one first."),
    "factor-not-allowed": _("None of your companies lets this count. Choose something else."),
    "factor-name-required": _("Enter a name that you will know it by."),
    "nothing-to-recover": _("Set up a second factor first."),
    "too-many-numbers": _("Three numbers are kept already. Remove one first."),
    "other-account": _("The invitation was sent to another address. Use that one."),
    "tenant-invalid": _("Choose one of your companies."),
    # passwords
    "password-too-short": _("This password is too short. Use at least 8 characters."),
    "password-too-long": _("This password is too long. Use at most 256 characters."),
    "password-common": _("This password is on lists of known passwords. Choose another one."),
    "password-trivial": _("This password is easy to guess. Add a few words or characters."),
    "password-personal": _("Do not use your name or e-mail address as the password."),
    "password-breached": _(
        "This password has appeared in a data leak. Choose another one, here and wherever "
        "else you use it."
    ),
    "password-mismatch": _("The two passwords differ. Enter the same one twice."),
    "password-wrong": _("This is not your present password."),
    # joining a company
    "customer-number-required": _("Enter your company’s customer number."),
    "customer-number-invalid": _("A customer number has nine digits, for example 012345678."),
    "customer-number-unknown": _(
        "We do not know this customer number. Check it, or ask somebody at your company."
    ),
    "company-local": _(
        "This company does not use these accounts yet. Sign in to the product itself."
    ),
    "join-refused": _("You cannot join this company yourself. Ask one of its admins."),
    # people
    "terms-required": _("Accept the terms of use; without that there is no account."),
    "given-name-required": _("Enter the first name."),
    "family-name-required": _("Enter the last name."),
    "too-long": _("This is too long."),
    "name-invalid": _("Use letters and the usual signs only."),
    "already-member": _("This person belongs to your company already."),
    "already-invited": _("This person has been invited already. You can resend the invitation."),
    "reason-required": _("Say why, in a few words. It is kept in the change log."),
    "confirm-name-mismatch": _("This is not the name. Enter it exactly as shown."),
    "last-admin": _("This is the company’s last admin. Make somebody else an admin first."),
    "not-yourself": _("You cannot do this to your own membership."),
    "bound-elsewhere": _(
        "Another company relies on this second factor. "
        "Ask the operator of the platform to reset it."
    ),
    "permission-unknown": _("This permission is not on offer. Reload the page."),
    "role-invalid": _("Choose a role."),
    "only-admins": _("Only an admin can do this to an admin, or make somebody one."),
    "permission-not-held": _("You can grant and withdraw only what you hold yourself."),
    "product-required": _("Choose at least one product, or open all that are booked."),
    "nobody-selected": _("Select at least one person first."),
    "too-many-selected": _("Select 200 people at most."),
    # help for who is locked out
    "letter-required": _("Write what it is about."),
    "no-admin": _("There is nobody at this company who could read it."),
    "too-many-letters": _("You have written five times today. Try again tomorrow."),
    "zoneinfo-invalid": _("Choose a time zone of the list."),
    "locale-invalid": _("Choose one of the languages."),
    "help-reason-required": _("Say in a few words what has happened."),
    "help-contact-required": _("Say how we can reach you, best by telephone."),
    "help-nobody": _("Nobody here can help with this account. Ask the support of your product."),
    "case-note-required": _("Say how you made sure who this is."),
    "case-reason-required": _("Say why. The person gets to read it."),
    "case-closed": _("This case was decided or withdrawn meanwhile. Nothing was changed."),
    "case-yours": _("This is about your own account. Other operators decide."),
    "case-approved-already": _("You have approved this already. It takes a second operator."),
    # becoming an admin
    "admin-request-reason-required": _("Say why, so that it can be decided."),
    "admin-request-note-required": _("Say how you made sure that this person is to be an admin."),
    "admin-request-open": _("You have asked already. Wait for the decision."),
    "too-many-admin-requests": _("You have asked three times today. Try again tomorrow."),
    "admin-request-closed": _("This request was decided or withdrawn meanwhile."),
    "admin-request-yours": _("This is your own request. Somebody else decides."),
    "admin-request-consented": _("Another admin has consented already."),
    "admin-request-approved": _("Another operator has approved already."),
    "admin-request-both-words": _(
        "You have given the other word already. It takes a second person."
    ),
    "admin-request-not-active": _(
        "This person is no active member at present, so nothing can be granted."
    ),
    # the policy
    "mode-invalid": _("Choose whom the policy binds."),
    "policy-needs-passkey": _("Allow passkeys and security keys, since only those are to count."),
    "passkeys-unavailable": _(
        "Passkeys cannot be used on this installation, so nobody could meet this."
    ),
    "client-minimum-invalid": _("Choose what is asked for from the list."),
    "stage-size-invalid": _("Enter how many people a group has, 1 at least."),
    "stage-days-invalid": _("Enter a number of days between 1 and 90."),
    "stages-too-long": _(
        "The last group would be due in more than a year. Make the groups larger or closer."
    ),
    "bypass-hours-invalid": _("Enter a number of hours between 1 and 72."),
    "bypass-phishing-resistant": _(
        "Your policy lets only passkeys and security keys count. It knows no exception."
    ),
    "bypass-not-bound": _(
        "The policy does not bind this person, so there is nothing to make an exception from."
    ),
    "bypass-not-active": _("This person cannot sign in at present, with or without an exception."),
    "factor-required": _("Allow at least one second factor that can be set up."),
    "grace-days-invalid": _("Enter a number of days between 0 and 90."),
    "remember-days-invalid": _("Enter a number of days between 0 and 90."),
    "cutover-invalid": _("Choose a day that is two days away at least and a year at most."),
    "cutover-not-later": _("Choose a day after the present cut-off."),
    "cutover-passed": _("The cut-off has passed, so it can no longer be moved."),
    "not-activated": _("Activate central accounts first. The policy comes with them."),
    "already-activated": _("Central accounts have been activated already."),
    "selected-required": _("Pick at least one person, or choose another rule."),
    # clients
    "last-secret": _("This is the only secret. Make a new one instead, without any overlap."),
    "overlap-invalid": _("Choose how long the present secret still works."),
    "request-too-long": _("This is longer than any request. Paste the address alone."),
    "request-other-client": _("This request does not name this client in client_id."),
    # how a company looks
    "accent-invalid": _("Enter a colour like #0e5a6b, or leave the field empty."),
    "logo-svg": _(
        "SVG files can hold programs, so they are not accepted. Save the logo as PNG and use that."
    ),
    "logo-type": _(
        "This is no PNG, JPEG or WebP picture. Save the logo as one of these and use that."
    ),
    "logo-too-large": _("This file is too large. Use one of at most %(size)s KB."),
    "logo-dimensions": _(
        "This picture has too many pixels. Use one of at most 4000 by 2000, or scale it down."
    ),
    "logo-tiny": _("This picture is too small. Use one of at least 8 by 8 pixels."),
    "logo-broken": _("This picture is damaged and cannot be read. Save it again and use that."),
    # the platform
    "company-name-invalid": _("Enter the company’s name, up to 200 letters and usual signs."),
    "customer-number-taken": _("This customer number has a company already."),
    "accounts-invalid": _("Choose how its people sign in."),
    "product-unknown": _("This product is not on offer. Reload the page."),
    "algorithm-unknown": _("Choose one of the algorithms."),
    "letter-gone": _(
        "This one was tried again, dropped or forgotten meanwhile. Nothing was changed."
    ),
    # application passwords, the change log, deleting the account
    "app-password-target-invalid": _("Choose a product of the list."),
    "app-password-comment-required": _("Say what it is for, so that you recognise it later."),
    "app-password-comment-invalid": _("Use letters and the usual signs only."),
    "app-password-days-invalid": _("Choose how long it is valid from the list."),
    "app-password-limit": _("You have as many as we keep. Delete one first."),
    "app-password-age-invalid": _(
        "Enter a number of days between 1 and 3650, or nothing for no bound."
    ),
    "date-invalid": _("Enter a day, like 2026-03-24."),
    "dates-reversed": _("The last day is before the first one."),
    "retention-invalid": _("Choose for ever, or a number of days between 90 and 3650."),
    "confirm-email-mismatch": _("This is not the address of your account."),
    "account-stays": _("Something stands in the way. Nothing was deleted."),
    **IMPORT_ERRORS,
    # anywhere
    "required": _("This is needed."),
    "unavailable": _("This is not possible at the moment. Nothing was changed. Try again shortly."),
}

NOTICES = {
    **IMPORT_NOTICES,
    "other-account": _(
        "This was opened for another account than the one you signed in with. "
        "Sign in with the right one."
    ),
    "code-sent": _("We have sent you a new code."),
    "password-changed": _("Your password has been changed."),
    "second-factor-off": _("Your second factor has been turned off."),
    "second-factor-always": _("From now on your second factor is asked for at every sign-in."),
    "second-factor-on-demand": _(
        "From now on your second factor is asked for only where it is required."
    ),
    "factor-added": _("It counts from now on. You are told by e-mail as well."),
    "factor-removed": _("It has been removed. You are told by e-mail as well."),
    "factor-renamed": _("The name has been saved."),
    "device-forgotten": _("That device is asked for the second factor again."),
    "devices-forgotten": _("Every device is asked for the second factor again."),
    "profile-saved": _("Your profile has been saved."),
    "letter-sent": _("Your message is on its way. The answer comes by e-mail."),
    "admin-request-sent": _("Your request is on its way. You are told by e-mail."),
    "admin-request-withdrawn": _("Your request has been withdrawn."),
    "admin-request-consented": _("Your consent is recorded. The operator now has to approve."),
    "admin-request-approved": _("Your approval is recorded. An admin now has to consent."),
    "admin-request-granted": _("The person is an admin now and is told by e-mail."),
    "admin-request-refused": _("The request is refused. The person is told by e-mail."),
    "told-again": _("The products are told again. Reload the page to see how it went."),
    "company-joined": _("You now belong to the company."),
    "company-left": _("You no longer belong to that company."),
    "app-password-deleted": _("It has been deleted. Its program no longer gets in."),
    "app-password-revoked": _("It has been ended. Its program no longer gets in."),
    "app-password-rule-saved": _("The rule has been saved. It holds from now on."),
    "retention-saved": _("That is how long the log is kept from now on."),
    "company-waits": _("An admin of the company has been told and will let you in."),
    "session-ended": _("That device has been signed out."),
    "all-sessions-ended": _("All other devices have been signed out."),
    "client-revoked": _("Access has been withdrawn."),
    "invited": _("The invitation is on its way."),
    "invitation-resent": _("The invitation has been sent again."),
    "invitation-revoked": _("The invitation has been withdrawn."),
    "invitation-accepted": _("Welcome. You now belong to the company."),
    "role-saved": _("The role has been changed."),
    "permissions-saved": _("The permissions have been saved."),
    "products-saved": _("Which products are open has been saved."),
    "people-locked": _("They are locked and have been signed out everywhere."),
    "people-unlocked": _("They can sign in again."),
    "person-locked": _("This person is locked and has been signed out everywhere."),
    "person-unlocked": _("This person can sign in again."),
    "person-admitted": _("This person now belongs to the company and is told by e-mail."),
    "person-sent-away": _("This person has been sent away and is told by e-mail."),
    "person-removed": _("This person no longer belongs to the company."),
    "factors-reset": _("The second factor has been reset. The person is told by e-mail."),
    "account-secured": _("Everything has been ended. Now choose a new password."),
    "case-withdrawn": _(
        "The request has been withdrawn. Somebody knows your password: choose a new one now."
    ),
    "case-approved-once": _("Your approval is recorded. A second operator now has to decide."),
    "case-approved": _("The old second factors no longer work. The person is told by e-mail."),
    "case-refused": _("The case is closed. The person is told by e-mail."),
    "policy-saved": _("The policy has been saved. It holds from the next sign-in on."),
    "activated": _("Central accounts are activated. The people are told by e-mail."),
    "cutover-postponed": _("The cut-off has been put off. Who has not changed over is told."),
    "reminded": _("The reminders are on their way."),
    "reminded-before": _("Everybody who is missing has been reminded within the last day."),
    "bypass-granted": _("The exception is granted. The person is told by e-mail."),
    "bypass-revoked": _("The exception has been taken back."),
    "client-deleted": _("The client has been deleted."),
    "client-saved": _("The changes have been saved. They hold from now on."),
    "client-secret-ended": _("The secret has been ended."),
    "client-disabled": _("The client is switched off. Nobody signs in to it any more."),
    "client-enabled": _("The client is in service again."),
    "client-test-over": _("This test is over. Each result is shown once; start again."),
    "looks-saved": _("Colour and logo have been saved."),
    "logo-removed": _("The logo has been removed."),
    "company-founded": _("The company is there. Invite its first admin."),
    "company-founded-invited": _("The company is there, and its first admin is invited."),
    "company-renamed": _("The name has been changed."),
    "booking-saved": _("The booking is up to date."),
    "letters-retried": _("It is tried again now."),
    "letters-dropped": _("It has been dropped."),
    "keys-rotated": _("The next keys are published."),
    "keys-rotated-now": _("The new keys sign from now on."),
    "key-retired": _("The key is retired."),
    "verification-asked": _("The log is being checked. The result appears here."),
}

SCOPES = {
    "openid": (_("Know who you are"), _("An identifier that stays the same")),
    "profile": (_("See your name"), _("Your name and what else your profile says about you")),
    "email": (_("See your e-mail address"), _("And whether it has been confirmed")),
    "address": (_("See your postal address"), ""),
    "phone": (_("See your telephone number"), ""),
    "tenant": (_("See your company"), _("Its name, your role there and what you may do")),
    "offline_access": (
        _("Stay connected"),
        _("Even when you are not using it, until you withdraw access in your account"),
    ),
    **{name: (title, _("As far as your own rights go")) for name, title in MANAGEMENT.items()},
}

FACTORS = {
    "totp": (_("Authenticator app"), _("A six-digit code from an app on the phone or computer")),
    "webauthn": (_("Passkey or security key"), _("Fingerprint, face or PIN of one’s own device")),
    "sms": (_("Text message"), _("A code by SMS")),
    "voice": (_("Phone call"), _("A code read out by phone")),
    "email": (_("E-mail"), _("A code by e-mail")),
    "recovery_code": (_("Recovery code"), _("One of ten codes kept for emergencies")),
}

ROLES = {"admin": _("Admin"), "employee": _("Employee")}

STATUSES = {
    "active": _("Active"),
    "locked": _("Locked"),
    "waiting": _("Waiting to be let in"),
    "invited": _("Invited"),
    "removed": _("Removed"),
}

MODES = {
    "admins": _("Admins only"),
    "selected": _("Admins and selected people"),
    "everyone": _("Everyone"),
}


def code_of(code: str) -> str:
    """Codes are written with hyphens here; services may write them with underscores."""
    return code.replace("_", "-").lower()
