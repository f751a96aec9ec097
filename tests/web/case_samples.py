"""Filled contexts of the operators' console and of the links that say "that was not me"."""

from dataclasses import replace
from datetime import timedelta

from idp.people.recovery.case_facts import Approval, SignIn
from idp.web import contexts as pages
from tests.web.login_samples import EMAIL, NOW

ME = pages.Me(name="Otto Operator", email="otto@einlass.example", is_operator=True)
MARA = pages.CaseRow(
    id="c" * 32,
    name="Mara Maximiliane von der Wiesenhöhe",
    email="mara.maximiliane.von-der-wiesenhoehe@a-rather-long-domain.example",
    tenant_name="Süd Handels- und Verwaltungsgesellschaft AG",
    customer_number="087654321",
    created_at=NOW - timedelta(hours=3),
    expires_at=NOW + timedelta(days=7, hours=-3),
)
ANNA = replace(
    MARA,
    id="d" * 32,
    name="Anna Admin",
    email=EMAIL,
    tenant_name="Nord GmbH",
    customer_number="012345678",
    approvals=1,
)
CASE = pages.Case(
    me=ME,
    row=MARA,
    what="My phone has fallen into the lake, and the recovery codes were in its case.",
    contact="+49 40 1234567, from nine to five",
    ip="2001:db8:5:17::1",
    member_since=NOW - timedelta(days=900),
    admin_since=NOW - timedelta(days=700),
    members=1240,
    account_created_at=NOW - timedelta(days=900),
    password_changed_at=NOW - timedelta(days=100),
    phone_number="+49 40 7654321",
    sign_ins=(
        SignIn(at=NOW - timedelta(days=1), ip="192.0.2.7", factors=("password", "totp")),
        SignIn(at=NOW - timedelta(days=30), ip="192.0.2.7", factors=("webauthn",)),
    ),
    earlier=(
        replace(MARA, status="refused", created_at=NOW - timedelta(days=400)),
        replace(MARA, status="expired", created_at=NOW - timedelta(days=800)),
    ),
)
APPROVAL = Approval(
    account_id="e" * 32,
    name="Olga Operator",
    note="Called the switchboard from the contract; her colleague put me through to her.",
    at=NOW - timedelta(hours=1),
)


def case_samples() -> dict[str, pages.Page]:
    """The console's pages."""
    return {
        "cases": pages.Cases(
            me=ME,
            cases=(MARA, replace(ANNA, mine=True)),
            closed=(
                replace(MARA, status="approved", closed_at=NOW - timedelta(days=1)),
                replace(ANNA, status="refused", closed_at=NOW - timedelta(days=3)),
                replace(ANNA, status="cancelled", closed_at=NOW - timedelta(days=9)),
                replace(ANNA, status="expired", closed_at=NOW - timedelta(days=20)),
            ),
            notice="case-refused",
        ),
        "cases-empty": pages.Cases(me=ME),
        "case": CASE,
        "case-second": replace(
            CASE,
            row=ANNA,
            approvals=(APPROVAL,),
            network_known=True,
            other_admins=1,
            signed_in_since=NOW - timedelta(minutes=9),
            failed="refuse",
            errors={"reason": "case-reason-required"},
        ),
        "case-approved-once": replace(
            CASE,
            row=replace(ANNA, mine=True),
            approvals=(APPROVAL,),
            admin_since=None,
            phone_number="",
            sign_ins=(),
            earlier=(),
            notice="case-approved-once",
        ),
        "case-own": replace(CASE, own=True, deciders=1, member_since=None, admin_since=None),
        "case-closed": replace(
            CASE,
            row=replace(MARA, status="refused", closed_at=NOW - timedelta(minutes=2)),
            closed_by="Olga Operator",
            closing_reason="Nobody at the company knew of a lost phone.",
            password_changed_at=None,
            errors={"": "case-closed"},
            failed="approve",
        ),
    }


def not_me_samples() -> dict[str, pages.Page]:
    """What mailed links open."""
    at = NOW - timedelta(hours=1)
    return {
        "not-me": pages.NotMe(email=EMAIL, at=at, ip="198.51.100.23", device="Chrome, Windows"),
        "not-me-plain": pages.NotMe(email=EMAIL, at=NOW - timedelta(days=3)),
        "withdraw-case": pages.WithdrawCase(
            email=EMAIL, at=at, ip="198.51.100.23", tenant_name="Nord GmbH"
        ),
        "not-me-gone": pages.NotMeGone(),
        "password-reset-secured": pages.PasswordReset(email=EMAIL, notice="account-secured"),
    }
