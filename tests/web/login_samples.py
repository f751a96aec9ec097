"""Filled contexts of the hosted login's pages, and what the other samples share with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from idp.web import contexts as pages
from idp.web.qr import qr_svg

NOW = datetime(2026, 3, 24, 13, 5, tzinfo=UTC)
"""A Tuesday afternoon: 14:05 in Berlin."""

EMAIL = "anna.admin@nord.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTPAUTH = f"otpauth://totp/Einlass:{EMAIL}?secret={SECRET}&issuer=Einlass"
CODES = tuple(f"{number:04d}-K7Q{number}-MX4P" for number in range(1, 11))
ASK = {"challenge": "q83vEjRWeJA", "rpId": "login.vendor.example", "userVerification": "required"}
MAKE = {
    "challenge": "q83vEjRWeJA",
    "rp": {"id": "login.vendor.example", "name": "Einlass"},
    "user": {"id": "AQIDBA", "name": EMAIL, "displayName": "Anna <Admin> O'Neill"},
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
}

PAYROLL = pages.Entering(client_name="Payroll", tenant_name="Nord GmbH")
PARTNER = pages.Entering(
    client_name="Meisterplan",
    client_uri="https://plan.example",
    policy_uri="https://plan.example/privacy",
    tos_uri="https://plan.example/terms",
)
LOGIN = {"entering": PAYROLL, "email": EMAIL}
COMPANIES = (
    pages.TenantChoice(
        customer_number="012345678", name="Nord GmbH", role="admin", url="/admin/012345678/people"
    ),
    pages.TenantChoice(
        customer_number="087654321",
        name="Süd Handels- und Verwaltungsgesellschaft AG",
        url="/admin/087654321/people",
    ),
)


def login_samples() -> dict[str, pages.Page]:
    halt = {**LOGIN, "tenant_name": "Nord GmbH", "product_name": "Payroll", "may_cancel": True}
    return {
        **_first_factor(),
        **_second_factor(),
        **_enroll(),
        "recovery-codes": pages.RecoveryCodes(**LOGIN, codes=CODES),
        "tenant": pages.ChooseTenant(
            entering=pages.Entering(client_name="HR"), email=EMAIL, tenants=COMPANIES
        ),
        "tenant-alone": pages.ChooseTenant(
            email=EMAIL, tenants=COMPANIES, errors={"": "tenant-invalid"}
        ),
        "tenant-other": pages.ChooseTenant(**LOGIN, tenants=COMPANIES[:1]),
        "waiting": pages.Waiting(**halt),
        "locked": pages.Locked(**halt),
        "locked-account": pages.Locked(**{**halt, "tenant_name": ""}),
        "not-booked": pages.NotBooked(**halt),
        "not-booked-anywhere": pages.NotBooked(**{**halt, "tenant_name": "", "is_admin": True}),
        "no-company": pages.NoCompany(**halt),
        "no-company-alone": pages.NoCompany(email=EMAIL),
        "join-company": pages.JoinCompany(**halt),
        "join-company-error": pages.JoinCompany(
            email=EMAIL, customer_number="D-12", errors={"customer_number": "required"}
        ),
        "no-allowed-factor": pages.NoAllowedFactor(**halt),
        "no-allowed-factor-client": pages.NoAllowedFactor(**halt, reason="client"),
        "no-allowed-factor-yet": pages.NoAllowedFactor(
            email=EMAIL, may_postpone=True, deadline=NOW + timedelta(days=4)
        ),
        "gone": pages.TransactionGone(),
        "gone-other": pages.TransactionGone(reason="other-browser"),
        "gone-finished": pages.TransactionGone(reason="finished"),
        "consent": pages.Consent(
            entering=PARTNER,
            email=EMAIL,
            scopes=("openid", "profile", "email", "tenant", "offline_access", "address", "phone"),
            return_host="plan.example",
        ),
    }


def _first_factor() -> dict[str, pages.Page]:
    return {
        "identify": pages.Identify(entering=PAYROLL, passkey=ASK, may_register=True),
        "identify-alone": pages.Identify(may_register=True),
        "identify-closed": pages.Identify(entering=PAYROLL, passkey=ASK),
        "identify-registering": pages.Identify(
            entering=PAYROLL, passkey=ASK, may_register=True, registering=True
        ),
        "identify-error": pages.Identify(
            entering=PAYROLL, email="anna@", errors={"email": "email-invalid"}
        ),
        "identify-passkey-error": pages.Identify(
            entering=PAYROLL, passkey=ASK, errors={"": "passkey-failed"}
        ),
        "identify-other": pages.Identify(email="mara@example.com", notice="other-account"),
        "passkey": pages.Passkey(**LOGIN, passkey=ASK),
        "passkey-error": pages.Passkey(**LOGIN, passkey=ASK, errors={"": "passkey-copied"}),
        "passkey-only": pages.Passkey(**LOGIN, passkey=ASK, may_use_password=False, again=True),
        "password": pages.Password(**LOGIN),
        "password-or-passkey": pages.Password(**LOGIN, may_use_passkey=True),
        "password-error": pages.Password(**LOGIN, errors={"password": "invalid-credentials"}),
        "password-throttled": pages.Password(
            **LOGIN, may_use_passkey=True, errors={"": "throttled"}, error_values={"minutes": 4}
        ),
    }


def _second_factor() -> dict[str, pages.Page]:
    recovery = pages.Way(factor="recovery_code", is_next=True)
    app = pages.Way(factor="totp", is_next=True)
    passkey = pages.Way(factor="webauthn")
    sms = pages.Way(factor="sms", destination="•••• 42")
    voice = pages.Way(factor="voice", destination="•••• 42")
    email = pages.Way(factor="email", destination="a•••@nord.example")
    code = pages.SecondFactor(**LOGIN, others=(recovery,), reason="policy")
    key = replace(code, factor="webauthn", passkey=ASK, others=(app, sms, recovery))
    sent = replace(code, factor="sms", destination="•••• 42", others=(recovery, passkey))
    return {
        "second-factor": replace(code, remember_days=30),
        "second-factor-client": replace(code, reason="client", errors={"code": "code-invalid"}),
        "second-factor-self": replace(code, entering=None, reason="self", others=(recovery, sms)),
        "second-factor-fresh": replace(code, reason="fresh", others=()),
        "second-factor-listing": replace(
            code, others=(app, passkey, sms, voice, email), factor="recovery_code", listing=True
        ),
        "second-factor-passkey": replace(key, remember_days=30),
        "second-factor-passkey-error": replace(key, errors={"": "passkey-failed"}, others=()),
        "second-factor-sms": replace(sent, outbox_url="/dev/outbox", notice="code-sent"),
        "second-factor-voice": replace(sent, factor="voice", errors={"code": "code-expired"}),
        "second-factor-email": replace(
            sent, factor="email", destination="a•••@nord.example", remember_days=1
        ),
        "second-factor-unsent": replace(
            sent, unsent=True, errors={"": "too-many-codes"}, listing=True
        ),
        "recovery-code": replace(
            code, factor="recovery_code", others=(app,), recovery_codes_left=1
        ),
        "lost-factor": pages.LostFactor(
            **LOGIN, tenant_name="Nord GmbH", helper="admin", recovery_codes=True
        ),
        "lost-factor-operator": pages.LostFactor(
            **LOGIN, helper="operator", reason="x", errors={"contact": "required"}
        ),
        "lost-factor-nobody": pages.LostFactor(email=EMAIL, helper="nobody"),
        "lost-factor-asked": pages.LostFactor(
            **LOGIN, tenant_name="Nord GmbH", helper="admin", asked=True
        ),
        "lost-factor-asked-operator": pages.LostFactor(**LOGIN, helper="operator", asked=True),
    }


def _enroll() -> dict[str, pages.Page]:
    others = tuple(pages.Way(factor=key) for key in ("sms", "voice", "email"))
    with_app = (pages.Way(factor="totp"), *others[1:])
    enroll = pages.Enroll(
        **LOGIN,
        qr=qr_svg(OTPAUTH),
        secret=SECRET,
        otpauth_uri=OTPAUTH,
        tenant_name="Nord GmbH",
        since=NOW - timedelta(days=3),
        deadline=NOW + timedelta(days=4),
        may_postpone=True,
        progress=pages.Progress(position=2, total=3),
    )
    forced = replace(enroll, may_postpone=False, deadline=None)
    sent = replace(enroll, factor="sms", qr=Markup(""), secret="", otpauth_uri="", others=with_app)
    return {
        "enroll": enroll,
        "enroll-beside": replace(enroll, passkey=MAKE, others=others),
        "enroll-passkey": replace(forced, factor="webauthn", passkey=MAKE),
        "enroll-passkey-error": replace(
            forced,
            factor="webauthn",
            passkey=MAKE,
            others=with_app,
            errors={"": "passkey-failed"},
        ),
        "enroll-sms": sent,
        "enroll-sms-error": replace(
            sent, phone_number="0900 1", errors={"phone_number": "phone-invalid"}
        ),
        "enroll-sms-code": replace(sent, destination="•••• 42", outbox_url="/dev/outbox"),
        "enroll-voice": replace(sent, factor="voice"),
        "enroll-voice-code": replace(
            sent, factor="voice", destination="•••• 42", errors={"code": "resend-too-soon"}
        ),
        "enroll-email": replace(sent, factor="email"),
        "enroll-email-code": replace(sent, factor="email", destination="a•••@nord.example"),
        "enroll-due": replace(
            enroll, may_postpone=False, deadline=NOW - timedelta(days=1), progress=None
        ),
        "enroll-client": replace(forced, reason="client", errors={"code": "code-used"}),
        "enroll-request": replace(
            enroll, entering=None, reason="request", tenant_name="", may_postpone=False
        ),
        "enroll-self": replace(forced, reason="self"),
        "enroll-now": replace(forced, since=None),
    }
