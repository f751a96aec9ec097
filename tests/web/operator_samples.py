"""Filled contexts of the operators' console (but for cases) and of the company page."""

from dataclasses import replace
from datetime import timedelta

from idp.people.operators.watch import Figures
from idp.settings import SettingRow
from idp.tenants.catalogue import PRODUCTS
from idp.web import contexts as pages
from tests.web.case_samples import ME
from tests.web.import_samples import SILENT
from tests.web.login_samples import NOW

_TROUBLES = (
    ("worker-silent", "/operator/health", 0, True),
    ("migrations-missing", "/operator/health", 0, True),
    ("database-away", "/operator/health", 0, True),
    ("queue-late", "/operator/deliveries", 0, True),
    ("keys-missing", "/operator/keys", 0, True),
    ("log-broken", "/operator/health", 1, True),
    ("cases-open", "/operator/cases", 2, False),
    ("requests-open", "/operator/requests", 1, False),
    ("dead-letters", "/operator/deliveries?state=dead", 1234, False),
    ("keys-due", "/operator/keys", 1, False),
)
_CHOICES = tuple(
    pages.ProductChoice(key=product.key, label=product.label, checked=product.key != "payroll")
    for product in PRODUCTS
)
_INVITED = pages.InvitationRow(
    id="a" * 32,
    name="Ida Invited",
    email="ida@nord.example",
    role="admin",
    invited_by="Otto Operator",
    created_at=NOW - timedelta(hours=2),
    expires_at=NOW + timedelta(days=7),
)
_COMPANY = pages.OperatorCompany(
    me=ME,
    base="/operator/companies/012345678",
    customer_number="012345678",
    name="Nord GmbH",
    created_at=NOW - timedelta(days=900),
    products=_CHOICES,
    people=1240,
    locked=3,
    waiting=1,
    admins=(
        pages.CompanyAdminRow(
            name="Anna Admin", email="anna@nord.example", last_sign_in=NOW - timedelta(hours=1)
        ),
        pages.CompanyAdminRow(name="Lars Locked", email="lars@nord.example", status="locked"),
    ),
    invitations=(_INVITED, replace(_INVITED, id="b" * 32, expired=True)),
    open_invitations=12,
    factors=("totp", "webauthn"),
    typed_name="Nord GmbH",
)
_DEAD = pages.DeliveryRow(
    id="d" * 32,
    kind="mail",
    name="password-reset",
    to="a…@nord.example",
    created_at=NOW - timedelta(days=1),
    next_attempt_at=NOW,
    dead_at=NOW - timedelta(hours=2),
    attempts=10,
    problem="mail-server-away",
    error="SMTP: ConnectionRefusedError",
)
_KEY = pages.KeyRow(
    kid="q8Zr4nT1bV0xYw2c",
    alg="RS256",
    state="signing",
    created_at=NOW - timedelta(days=200),
    active_from=NOW - timedelta(days=200),
    due=True,
)
_PROBLEMS = (
    "address-refused",
    "no-tls",
    "mail-server-refused",
    "expired",
    "client-refused",
    "gateway-refused",
    "unreachable",
    "address-forbidden",
    "sealed",
    "unexpected",
)


def operator_samples() -> dict[str, pages.Page]:
    """The console's pages."""
    return {
        "operator": pages.OperatorOverview(
            me=ME,
            findings=tuple(
                pages.FindingRow(
                    trouble=trouble,
                    url=url,
                    count=count,
                    since=NOW - timedelta(hours=3),
                    serious=serious,
                )
                for trouble, url, count, serious in _TROUBLES
            ),
            figures=Figures(
                companies=50213, local_companies=812, people=1204321, signed_in=402113, at=NOW
            ),
        ),
        "operator-fine": pages.OperatorOverview(me=ME),
        **_companies(),
        **_platform(),
    }


def _companies() -> dict[str, pages.Page]:
    return {
        "companies": pages.OperatorCompanies(
            me=ME,
            companies=(
                pages.CompanyListRow(
                    customer_number="012345678",
                    name="Nord GmbH",
                    products=("HR", "Payroll", "Accounting"),
                    people=1240,
                    admins=2,
                ),
                pages.CompanyListRow(
                    customer_number="087654321",
                    name="Süd Handels- und Verwaltungsgesellschaft AG",
                    local=True,
                ),
            ),
            next_url="?after=x",
            first_url="?",
        ),
        "companies-none": pages.OperatorCompanies(me=ME, query="<b>zzz</b>", accounts="local"),
        "companies-empty": pages.OperatorCompanies(me=ME),
        "company-new": pages.OperatorCompanyNew(me=ME, products=_CHOICES),
        "company-new-error": pages.OperatorCompanyNew(
            me=ME,
            customer_number="12",
            products=_CHOICES,
            errors={
                "customer_number": "customer-number-invalid",
                "name": "company-name-invalid",
                "product": "product-unknown",
                "accounts": "accounts-invalid",
                "email": "invitee-email-required",
            },
        ),
        "company": _COMPANY,
        "company-local": replace(
            _COMPANY, local=True, cutover_at=NOW, admins=(), invitations=(), locked=0, waiting=0
        ),
        "company-activated": replace(
            _COMPANY,
            activated_at=NOW,
            failed="invite",
            errors={"email": "already-invited"},
            invitations=(),
        ),
        "booking": pages.OperatorBooking(
            me=ME,
            base="/operator/companies/012345678",
            name="Nord GmbH",
            products=("hr",),
            changes=(
                pages.BookingRow(label="HR", gained=True, people=1),
                pages.BookingRow(label="Payroll", gained=False, people=1240),
            ),
        ),
    }


def _platform() -> dict[str, pages.Page]:
    keys = (
        replace(_KEY, kid="n" * 16, state="next", active_from=NOW + timedelta(minutes=10)),
        _KEY,
        replace(
            _KEY,
            kid="o" * 16,
            alg="ES256",
            state="retired",
            retired_at=NOW,
            remove_after=NOW + timedelta(hours=1),
        ),
        replace(_KEY, kid="r" * 16, state="removed", retired_at=NOW, remove_after=NOW),
    )
    return {
        "deliveries": pages.Deliveries(
            me=ME,
            state="dead",
            rows=(
                _DEAD,
                replace(
                    _DEAD,
                    id="e" * 32,
                    kind="backchannel_logout",
                    name="",
                    to="Payroll",
                    problem="client-refused",
                    error="the client answered 404",
                ),
                *(
                    replace(_DEAD, id=str(n) * 32, kind=kind, problem=problem)
                    for n, (kind, problem) in enumerate(
                        zip(("sms", "voice") * 5, _PROBLEMS, strict=True)
                    )
                ),
            ),
            waiting=3,
            trying=12,
            dead=(
                pages.DeadKind(kind="mail", count=1),
                pages.DeadKind(kind="backchannel_logout", count=1211),
            ),
            next_url="?after=x",
            first_url="?",
            notice="letters-retried",
        ),
        "deliveries-trying": pages.Deliveries(
            me=ME, state="trying", rows=(replace(_DEAD, dead_at=None, attempts=2),), trying=1
        ),
        "deliveries-empty": pages.Deliveries(me=ME, state="waiting", errors={"": "letter-gone"}),
        "deliveries-none-dead": pages.Deliveries(me=ME, state="dead"),
        "deliveries-none-trying": pages.Deliveries(me=ME, state="trying"),
        "keys": pages.Keys(
            me=ME,
            keys=keys,
            algorithms=("RS256", "PS256", "ES256", "EdDSA"),
            signs_from=NOW + timedelta(minutes=10),
            master_origin="environment",
            master_keys=2,
        ),
        "keys-error": pages.Keys(
            me=ME, signs_from=NOW, errors={"alg": "algorithm-unknown"}, immediately=True
        ),
        **{
            f"key-retire-{key.state}": pages.RetireKey(
                me=ME, key=key, errors={"confirm_name": "confirm-name-mismatch"}
            )
            for key in keys[:3]
        },
        "health": pages.Health(
            me=ME,
            parts=(
                pages.HealthPart(name="database", ok=True, detail="postgresql 17.2, 0013/0013"),
                pages.HealthPart(name="redis", ok=False, detail="StoreUnavailable"),
                pages.HealthPart(name="keys", ok=True, detail="ES256, RS256"),
                pages.HealthPart(name="worker", ok=True, at=NOW),
            ),
            silent=(SILENT,),
            warnings=("IDP_SMTP_URL is not set: mail is kept",),
            settings=(
                SettingRow(
                    name="IDP_ISSUER",
                    value="http://localhost:8000",
                    origin="default",
                    meaning="issuer",
                ),
            ),
            versions=(("einlass", "0.1.0"),),
            verified=(
                pages.VerifiedRow(company="Nord GmbH (012345678)", at=NOW),
                pages.VerifiedRow(company="", at=NOW, problems=2, first="record 3 was changed"),
            ),
            verifying=1,
        ),
        "health-worker": pages.Health(
            me=ME,
            parts=(pages.HealthPart(name="worker", ok=False),),
            errors={"customer_number": "customer-number-unknown"},
            customer_number="99",
        ),
    }


def company_samples(frame: pages.AdminFrame) -> dict[str, pages.Page]:
    """The company page of the company console."""
    readable = pages.Readable(accent="#ffd400", text="black", contrast="14.4", link_light="#7a6600")
    plain = pages.CompanyPage(
        frame=frame, products=("HR", "Payroll"), readable=replace(readable, text="white")
    )
    return {
        "admin-company": plain,
        "admin-company-preview": replace(
            plain,
            accent="#ffd400",
            logo="/brand/logo/" + "0" * 64 + ".png",
            shown_logo="data:image/png;base64,AAAA",
            draft="t" * 43,
            previewing=True,
            readable=readable,
        ),
        "admin-company-error": replace(
            plain,
            products=(),
            accent="reddish",
            errors={"accent": "accent-invalid", "logo": "logo-too-large"},
            error_values={"size": 240},
        ),
    }
