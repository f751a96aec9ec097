"""One or more filled contexts for every page, so that a check can draw them all."""

from dataclasses import replace
from datetime import timedelta

from idp.tenants.catalogue import PRODUCTS, grouped_permissions
from idp.web import contexts as pages
from tests.web.account_samples import account_samples
from tests.web.activation_samples import activation_samples
from tests.web.case_samples import case_samples, not_me_samples
from tests.web.client_samples import client_samples
from tests.web.import_samples import import_samples
from tests.web.log_samples import leaving_samples, log_samples
from tests.web.login_samples import (
    COMPANIES,
    EMAIL,
    NOW,
    PAYROLL,
    login_samples,
)
from tests.web.operator_samples import company_samples, operator_samples
from tests.web.people_samples import people_samples
from tests.web.policy_samples import policy_samples
from tests.web.request_samples import request_samples


class FixedClock:
    def now(self):
        return NOW


ME = pages.Me(name="Anna Admin", email=EMAIL, is_admin=True)
FRAME = pages.AdminFrame(
    me=ME,
    tenant_name="Nord GmbH",
    customer_number="012345678",
    tenants=COMPANIES,
    base="/admin/012345678",
)

PEOPLE = (
    pages.PersonRow(
        id="1" * 32,
        name="Anna Admin",
        email=EMAIL,
        role="admin",
        second_factor=True,
        factors=("webauthn", "totp"),
        must_have=True,
        last_sign_in=NOW - timedelta(minutes=20),
    ),
    pages.PersonRow(
        id="2" * 32,
        name="Erik Employee",
        email="erik.employee@nord.example",
        role="employee",
        last_sign_in=NOW - timedelta(days=1, hours=3),
    ),
    pages.PersonRow(
        id="3" * 32,
        name="Mara Maximiliane von der Wiesenhöhe",
        email="mara.maximiliane.von-der-wiesenhoehe@a-rather-long-domain.example",
        role="employee",
        status="locked",
        must_have=True,
        last_sign_in=NOW - timedelta(days=400),
    ),
    pages.PersonRow(
        id="4" * 32,
        name="Nils Neu",
        email="nils.neu@nord.example",
        role="employee",
        status="waiting",
    ),
)
INVITATIONS = (
    pages.InvitationRow(
        id="a" * 32,
        name="Ida Invited",
        email="ida@nord.example",
        role="employee",
        invited_by="Anna Admin",
        created_at=NOW - timedelta(hours=2),
        expires_at=NOW + timedelta(days=7),
    ),
    pages.InvitationRow(
        id="b" * 32,
        name="Otto Old",
        email="otto.old@nord.example",
        role="admin",
        invited_by="Anna Admin",
        created_at=NOW - timedelta(days=9),
        expires_at=NOW - timedelta(days=2),
        expired=True,
    ),
)
GROUPS = tuple(
    pages.PermissionGroup(
        key=f"{product.key}.{group}".lower().replace(" ", "-"),
        product=product.label,
        label=group,
        permissions=tuple(
            pages.PermissionChoice(
                key=entry.key,
                label=entry.label,
                description=entry.description,
                checked=entry.default,
            )
            for entry in entries
        ),
    )
    for product, group, entries in grouped_permissions([product.key for product in PRODUCTS])
)


def samples() -> dict[str, pages.Page]:
    """Filled contexts by a short name, every page in its plain form and its variants."""
    ours = login_samples() | _recovery() | _system() | account_samples() | _admin()
    ours |= request_samples(FRAME)
    ours |= import_samples(FRAME)
    ours |= log_samples(FRAME) | leaving_samples()
    ours |= operator_samples() | company_samples(FRAME)
    ours |= activation_samples(FRAME, PAYROLL, NOW)
    return ours | case_samples() | not_me_samples()


def _recovery() -> dict[str, pages.Page]:
    invited = {"tenant_name": "Nord GmbH", "inviter": "Anna Admin"}
    return {
        "password-forgot": pages.PasswordForgot(),
        "password-forgot-error": pages.PasswordForgot(errors={"email": "email-required"}),
        "password-forgot-sent": pages.PasswordForgotSent(email=EMAIL, outbox_url="/dev/outbox"),
        "password-reset": pages.PasswordReset(email=EMAIL),
        "password-reset-error": pages.PasswordReset(
            email=EMAIL, errors={"repeat_password": "password-mismatch"}
        ),
        "password-reset-done": pages.PasswordResetDone(email=EMAIL),
        "link-expired": pages.LinkExpired(),
        "register": pages.Register(
            email="ida@nord.example", given_name="Ida", family_name="Invited", **invited
        ),
        "register-error": pages.Register(
            email="ida@nord.example",
            tenant_name="Nord GmbH",
            errors={"given_name": "given-name-required", "new_password": "password_too_short"},
        ),
        "register-terms": pages.Register(
            email="ida@nord.example",
            entering=PAYROLL,
            terms_uri="https://vendor.example/terms",
            errors={"terms": "terms-required"},
        ),
        "register-alone": pages.Register(email="ida@nord.example", entering=PAYROLL),
        "register-unknown": pages.Register(
            email="ida@nord.example",
            entering=PAYROLL,
            unknown=True,
            progress=pages.Progress(position=1, total=2),
        ),
        "verify-email": pages.VerifyEmail(
            email="ida@nord.example", invited=True, notice="code-sent"
        ),
        "verify-email-error": pages.VerifyEmail(
            email="ida@nord.example", errors={"code": "mail-code-invalid"}, outbox_url="/dev/outbox"
        ),
        "invitation-sign-in": pages.InvitationSignIn(email=EMAIL, **invited),
        "invitation-sign-in-plain": pages.InvitationSignIn(email=EMAIL, tenant_name="Nord GmbH"),
        **{
            f"invitation-{reason}": pages.InvitationInvalid(reason=reason, tenant_name="Nord GmbH")
            for reason in ("expired", "used", "revoked", "unknown", "other-account")
        },
    }


def _system() -> dict[str, pages.Page]:
    return {
        "logout": pages.LogoutConfirm(
            email=EMAIL, client_name="HR", post_url="/end-session", fields=(("state", "x"),)
        ),
        "logout-plain": pages.LogoutConfirm(email=EMAIL),
        "logged-out": pages.LogoutDone(
            client_names=("HR", "Payroll", "Accounting"), return_url="/", return_name="HR"
        ),
        "logged-out-plain": pages.LogoutDone(return_url="/account"),
        "error": pages.OAuthError(
            code="invalid_request",
            description="redirect_uri is not registered for this client.",
            hint="Register the address letter by letter, or send one that is registered.",
            parameter="redirect_uri",
            client_name="HR",
            reference="7f3a9c21",
            at=NOW,
        ),
        "error-plain": pages.OAuthError(code="invalid_client"),
        "form-post": pages.FormPost(
            post_url="https://hr.example/callback",
            fields=(("code", "abc"), ("state", "xyz")),
            client_name="HR",
        ),
        "form-post-plain": pages.FormPost(post_url="https://hr.example/callback", fields=()),
        "not-found": pages.NotFound(retry_url="/account", reference="7f3a9c21"),
        "forbidden": pages.Forbidden(email=EMAIL, retry_url="/account"),
        "forbidden-plain": pages.Forbidden(),
        "form-expired": pages.FormExpired(retry_url="/account"),
        "bad-request": pages.BadRequest(),
        "too-many-requests": pages.TooManyRequests(retry_after=200, retry_url="/account"),
        "server-error": pages.ServerError(reference="7f3a9c21"),
        "service-unavailable": pages.ServiceUnavailable(retry_url="/account"),
        "outbox-empty": pages.DevOutbox(),
        "outbox": pages.DevOutbox(
            mails=(
                pages.KeptMail(
                    id="1",
                    to=EMAIL,
                    subject="Set a new password",
                    at=NOW,
                    text="Hello Anna,\n\nopen this link.\n",
                    links=("http://localhost:8000/password/reset/" + "x" * 43,),
                ),
                pages.KeptMail(
                    id="2", to=EMAIL, subject="New recovery codes", at=NOW, text="Hello"
                ),
                pages.KeptMail(
                    id="3",
                    kind="sms",
                    to="+491713920000",
                    at=NOW,
                    text="123456 is your code for Einlass.\n\n@localhost #123456",
                ),
                pages.KeptMail(
                    id="4",
                    kind="voice",
                    to="+491713920000",
                    at=NOW,
                    text="Your code for Einlass is: 1, 2, 3, 4, 5, 6.\n\nOnce more: 1, 2, 3.",
                ),
            )
        ),
    }


def _admin() -> dict[str, pages.Page]:
    person = pages.PersonDetail(
        frame=FRAME,
        person=replace(PEOPLE[1], second_factor=True),
        groups=GROUPS,
        member_since=NOW - timedelta(days=200),
        session_count=2,
        other_companies=1,
    )
    waiting = replace(person.person, status="waiting", second_factor=False, last_sign_in=None)
    return {
        "people": pages.People(
            frame=FRAME,
            people=PEOPLE,
            waiting=(
                pages.WaitingRow(
                    id="m9",
                    name="Nina Neu",
                    email="nina.neu@nord.example",
                    since=NOW - timedelta(days=2),
                ),
            ),
            invitations=INVITATIONS,
            invitation_count=12,
            expired_count=1,
            unsent_count=400,
            only_status="active",
            sort="-last-sign-in",
            size=100,
            filtered=True,
            sorts={
                "name": pages.SortLink(url="?"),
                "last-sign-in": pages.SortLink(url="?x", sorted="descending"),
            },
            sizes=((25, "?size=25"), (100, "?size=100")),
            export_url="/admin/012345678/people.csv",
            total=1240,
            next_url="?after=x",
            first_url="?",
            notice="invited",
        ),
        "people-empty": pages.People(frame=replace(FRAME, tenants=()), total=0),
        "people-none-found": pages.People(frame=FRAME, query="<b>zzz</b>"),
        "invite": pages.Invite(frame=FRAME, groups=GROUPS),
        "invite-error": pages.Invite(
            frame=FRAME,
            given_name="Ida",
            family_name="Invited",
            email="ida@",
            errors={"email": "email-invalid", "role": "role-invalid"},
        ),
        "person": person,
        "person-waiting": replace(person, person=waiting, session_count=0),
        "person-locked": replace(
            person,
            person=PEOPLE[2],
            session_count=0,
            other_companies=0,
            groups=(),
            failed="remove",
            errors={"confirm_name": "confirm-name-mismatch", "reason": "reason-required"},
        ),
        "person-last-admin": replace(person, person=PEOPLE[0], is_last_admin=True, is_self=True),
        "person-self": replace(person, person=PEOPLE[0], is_self=True),
        **policy_samples(FRAME, person, NOW),
        **people_samples(FRAME, person, NOW),
        **client_samples(FRAME),
    }
