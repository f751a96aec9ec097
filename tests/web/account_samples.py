"""Filled contexts of the self-service pages."""

from dataclasses import replace
from datetime import timedelta

from idp.web import contexts as pages
from idp.web.qr import qr_svg
from tests.web.login_samples import CODES, EMAIL, MAKE, NOW, OTPAUTH, SECRET

ME = pages.Me(name="Anna Admin", email=EMAIL, is_admin=True)

PASSKEY = pages.FactorRow(
    kind="passkey",
    name="iCloud Keychain",
    url="/account/factors/passkey/1",
    created_at=NOW - timedelta(days=70),
    last_used_at=NOW - timedelta(minutes=40),
    synced=True,
    verified=True,
)
KEY = replace(PASSKEY, name="YubiKey 5C, Schlüsselbund", synced=False, last_used_at=None)
COPIED = replace(PASSKEY, name="Altes Notebook", copied=True)
APP = pages.FactorRow(
    kind="totp",
    name="Diensttelefon",
    url="/account/factors/totp/2",
    created_at=NOW - timedelta(days=20),
    needed_by=("Nord GmbH",),
)
PHONE = pages.FactorRow(
    kind="phone",
    name="•••• 42",
    url="/account/factors/phone/3",
    created_at=NOW - timedelta(days=3),
    texts=True,
)
MAIL = pages.FactorRow(
    kind="email",
    name="a•••@nord.example",
    url="/account/factors/email/4",
    created_at=NOW - timedelta(days=3),
)
DUE = pages.DueFactor(tenant_name="Nord GmbH", deadline=NOW + timedelta(days=4))


def account_samples() -> dict[str, pages.Page]:
    """By a short name, every page in its plain form and its variants."""
    return _overview() | _profile() | _factors() | _adding() | _rest()


def _overview() -> dict[str, pages.Page]:
    home = pages.AccountHome(
        me=ME,
        companies=(
            pages.Company(
                customer_number="012345678",
                name="Nord GmbH",
                role="admin",
                products=("HR", "Payroll", "Accounting"),
                admin_url="/admin",
            ),
            pages.Company(
                customer_number="087654321",
                name="Süd AG",
                role="employee",
                status="waiting",
                write_url="/account/companies/087654321/write",
            ),
        ),
        products=(pages.ProductLink(name="HR", url="https://hr.example/"),),
        factors=(PASSKEY, APP, PHONE),
        recovery_codes_left=2,
        password_changed_at=NOW - timedelta(days=100),
        session_count=2,
        notice="password-changed",
    )
    return {
        "account": home,
        "account-off": replace(
            home, factors=(), companies=(), products=(), due=(DUE,), session_count=1, notice=""
        ),
        "account-copied": replace(home, factors=(COPIED, MAIL), recovery_codes_left=0, notice=""),
    }


def _profile() -> dict[str, pages.Page]:
    zones = (("Europe", (("Europe/Berlin", "Berlin"), ("Europe/Vienna", "Vienna"))),)
    profile = pages.AccountProfile(me=ME, language="de", zone="Europe/Berlin", zones=zones)
    edit = pages.AccountProfileEdit(me=ME, given_name="Anna", family_name="Admin")
    return {
        "profile": replace(profile, phone_number="+4930123456", notice="profile-saved"),
        "profile-error": replace(profile, errors={"zone": "zoneinfo-invalid"}),
        "profile-edit": edit,
        "profile-edit-error": replace(
            edit, phone_number="12", errors={"phone_number": "phone-invalid"}
        ),
    }


def _factors() -> dict[str, pages.Page]:
    everything = pages.AccountFactors(
        me=ME,
        factors=(PASSKEY, KEY, APP, PHONE, MAIL),
        addable=("webauthn", "totp", "sms", "voice", "email"),
        demanded_by=("Nord GmbH",),
        always=True,
        recovery_codes_left=3,
        password_changed_at=NOW - timedelta(days=100),
        known={"rpId": "login.vendor.example", "userId": "AQIDBA", "allAcceptedCredentialIds": []},
        notice="factor-added",
    )
    one = pages.AccountFactor(me=ME, factor=PASSKEY, name=PASSKEY.name)
    return {
        "factors": everything,
        "factors-none": replace(
            everything,
            factors=(),
            addable=("webauthn", "totp", "voice"),
            due=(DUE,),
            always=False,
            known=None,
            notice="",
            password_changed_at=None,
        ),
        "factors-own": replace(
            everything,
            factors=(APP, COPIED),
            addable=("webauthn", "totp", "sms"),
            demanded_by=(),
            may_turn_off=True,
            recovery_codes_left=0,
            opened="turn-off",
            notice="",
        ),
        "factors-demanded": replace(
            everything, always=False, recovery_counts=False, addable=(), notice=""
        ),
        "factors-seldom": replace(everything, always=False, demanded_by=(), may_turn_off=True),
        "factor": one,
        "factor-error": replace(one, name="", errors={"name": "factor-name-required"}),
        "factor-needed": replace(one, factor=APP, name=APP.name),
        "factor-last": replace(one, factor=replace(APP, needed_by=(), name=""), name="", last=True),
        "factor-app": replace(one, factor=replace(APP, needed_by=())),
        "factor-copied": replace(one, factor=COPIED),
        "factor-phone": replace(one, factor=PHONE, name=""),
        "factor-landline": replace(one, factor=replace(PHONE, texts=False), last=True),
        "recovery": pages.AccountRecovery(me=ME, left=3),
        "recovery-none": pages.AccountRecovery(me=ME),
        "recovery-useless": pages.AccountRecovery(me=ME, possible=False),
        "account-recovery-codes": pages.AccountRecoveryCodes(me=ME, codes=CODES),
        "account-recovery-codes-renewed": pages.AccountRecoveryCodes(
            me=ME, codes=CODES, renewed=True
        ),
    }


def _adding() -> dict[str, pages.Page]:
    app = pages.AccountEnroll(me=ME, qr=qr_svg(OTPAUTH), secret=SECRET, otpauth_uri=OTPAUTH)
    passkey = pages.AccountAddPasskey(me=ME, passkey=MAKE)
    phone = pages.AccountAddPhone(me=ME)
    mail = pages.AccountAddEmail(me=ME)
    return {
        "account-enroll": replace(app, first=True),
        "account-enroll-error": replace(app, name="Telefon", errors={"code": "code-invalid"}),
        "add-passkey": passkey,
        "add-passkey-error": replace(passkey, errors={"": "passkey-known"}),
        "add-phone": phone,
        "add-phone-error": replace(
            phone, phone_number="0900 1", errors={"phone_number": "phone-refused"}
        ),
        "add-phone-call": replace(phone, ways=("voice",), factor="voice"),
        "add-phone-code": replace(
            phone, destination="•••• 42", notice="code-sent", outbox_url="/dev/outbox"
        ),
        "add-phone-code-call": replace(
            phone, destination="•••• 42", factor="voice", errors={"code": "sent-code-invalid"}
        ),
        "add-email": mail,
        "add-email-error": replace(mail, errors={"": "too-many-codes"}),
        "add-email-code": replace(mail, sent=True, outbox_url="/dev/outbox"),
    }


def _rest() -> dict[str, pages.Page]:
    here = pages.SessionRow(
        sid="s1",
        device="Firefox, Windows",
        ip="192.0.2.7",
        started_at=NOW - timedelta(hours=5),
        last_seen=NOW - timedelta(minutes=1),
        current=True,
        tenant_name="Nord GmbH",
    )
    phone = pages.SessionRow(
        sid="s2", device="Safari, iPhone", ip="2001:db8::17", started_at=NOW - timedelta(days=1)
    )
    kept = pages.DeviceRow(
        id="d1",
        device="Firefox, Windows",
        ip="192.0.2.7",
        since=NOW - timedelta(days=3),
        until=NOW + timedelta(days=27),
    )
    rows = (
        pages.HistoryRow(
            at=NOW,
            event="sign_in.succeeded",
            ip="192.0.2.7",
            device="Firefox, Windows",
            tenant_name="Nord GmbH",
            client_name="Payroll",
            factors=("password", "totp"),
        ),
        pages.HistoryRow(
            at=NOW - timedelta(minutes=3),
            event="sign_in.password_wrong",
            succeeded=False,
            by="",
            ip="203.0.113.250",
        ),
        pages.HistoryRow(
            at=NOW - timedelta(days=2),
            event="factor.enrolled",
            ip="192.0.2.7",
            factors=("webauthn",),
            what="iCloud Keychain",
        ),
        pages.HistoryRow(
            at=NOW - timedelta(days=40),
            event="mfa.reset",
            by="admin",
            tenant_name="Nord GmbH",
            reason="Telefon verloren",
        ),
        pages.HistoryRow(at=NOW - timedelta(days=400), event="account.created", by="operator"),
    )
    devices = pages.AccountDevices(me=ME, sessions=(here, phone), devices=(kept, kept))
    write = pages.AccountWrite(me=ME, tenant_name="Süd AG")
    clients = pages.AccountClients(
        me=ME,
        clients=(
            pages.GrantedClient(
                client_id="plan",
                name="Meisterplan",
                scopes=("openid", "profile", "email"),
                granted_at=NOW - timedelta(days=9),
            ),
        ),
    )
    return {
        "devices": replace(devices, notice="session-ended"),
        "devices-alone": replace(devices, sessions=(here,), devices=()),
        "history": pages.AccountHistory(me=ME, rows=rows, older_url="/account/history?before=x"),
        "history-end": pages.AccountHistory(me=ME, is_first=False),
        "account-clients": clients,
        "account-clients-none": replace(clients, clients=()),
        "write": write,
        "write-error": replace(write, errors={"text": "letter-required"}),
        "write-nobody": replace(write, readable=False),
        "account-join": pages.AccountJoin(me=ME),
        "account-join-error": pages.AccountJoin(
            me=ME,
            customer_number="0123",
            errors={"customer_number": "customer-number-invalid"},
        ),
        "account-password": pages.AccountPassword(me=ME),
        "account-password-error": pages.AccountPassword(
            me=ME, errors={"password": "password-wrong"}
        ),
    }
