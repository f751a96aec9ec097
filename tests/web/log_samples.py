"""Filled contexts of the change log, application passwords, leaving and deleting."""

from dataclasses import replace
from datetime import timedelta

from idp.people.log.change_log import LogRow
from idp.people.log.names import Party
from idp.web import contexts as pages
from tests.web.login_samples import EMAIL, NOW

ME = pages.Me(name="Anna Admin", email=EMAIL, is_admin=True)
OPERATOR = pages.Me(name="Otto Operator", email="otto@einlass.example", is_operator=True)
ANNA = Party("person", "Anna Admin", "a" * 32)
MARA = Party("person", "Mara Maximiliane von der Wiesenhöhe-Unterlindenhof", "b" * 32)
RECORD = LogRow(
    seq=7,
    at=NOW,
    category="people",
    event="member.locked",
    succeeded=True,
    actor=Party(),
    subject=Party(),
    client_name="",
    ip="",
    detail={},
)
"""What the samples of the change log are made of."""
ENTRIES = (
    replace(
        RECORD,
        at=NOW - timedelta(minutes=4),
        category="people",
        event="member.permissions",
        actor=ANNA,
        subject=MARA,
        ip="2001:db8:5:17::1",
        detail={
            "membership": "b" * 32,
            "granted": ["hr.team.read", "payroll.run.read", "accounting.ledger.post"],
            "withdrawn": ["hr.absence.approve"],
        },
    ),
    replace(
        RECORD,
        at=NOW - timedelta(hours=3),
        category="tenant",
        event="policy.changed",
        actor=Party("operator"),
        detail={
            "from": {"mfa": "admins", "factors": ["totp"], "grace_days": 0, "client_minimums": {}},
            "to": {
                "mfa": "everyone",
                "factors": ["totp", "webauthn"],
                "grace_days": 14,
                "client_minimums": {"payroll": 2},
            },
        },
    ),
    replace(
        RECORD,
        at=NOW - timedelta(days=1),
        category="security",
        event="console.refused",
        succeeded=False,
        actor=Party("outsider"),
        ip="198.51.100.23",
        detail={},
    ),
    replace(
        RECORD,
        at=NOW - timedelta(days=2),
        category="sign-in",
        event="sign_in.succeeded",
        actor=MARA,
        client_name="Payroll",
        ip="192.0.2.7",
        detail={"factors": ["password", "totp"], "device": "Firefox, Windows", "sid": "x"},
    ),
    replace(
        RECORD,
        at=NOW - timedelta(days=3),
        category="people",
        event="member.role",
        actor=Party("command-line"),
        subject=Party("deleted"),
        detail={"from": "employee", "to": "admin"},
    ),
    replace(
        RECORD,
        at=NOW - timedelta(days=400),
        category="log",
        event="log.let_go",
        actor=Party("system"),
        detail={"count": 2000, "until": "2025-01-01T00:00:00+00:00", "last_record": 8000},
    ),
    replace(
        RECORD,
        at=NOW - timedelta(days=500),
        category="unheard-of",
        event="unheard.of",
        actor=Party("client", "HR sync"),
        detail={"odd_key": True},
    ),
)
LOG = pages.LogView(
    entries=ENTRIES,
    query=pages.LogQuery(),
    categories=("sign-in", "people", "tenant", "log"),
    url="/admin/012345678/log",
    export_url="/admin/012345678/log/export",
    older_url="/admin/012345678/log?before=7",
    people_url="/admin/012345678/people",
)
SEARCHED = replace(
    LOG,
    query=pages.LogQuery(
        q="Mara",
        category="people",
        event="member.role",
        outcome="failure",
        since="2026-03-01",
        until="2026-02-01",
        person="b" * 32,
        person_name="Mara von der Wiesenhöhe",
    ),
    entries=(),
    older_url="",
    newest_url="/admin/012345678/log",
)
ROW = pages.AppPasswordRow(
    id="c" * 32,
    product="Payroll",
    tenant_name="Nord GmbH",
    comment="Calendar on the phone",
    created_at=NOW - timedelta(days=20),
    ends_at=NOW + timedelta(days=70),
    last_used_at=NOW - timedelta(minutes=9),
    last_used_ip="2001:db8:5:17::1",
)
TARGETS = (
    pages.AppPasswordTarget(key="012345678/hr", product="HR", tenant_name="Nord GmbH", max_days=90),
    pages.AppPasswordTarget(key="087654321/payroll", product="Payroll", tenant_name="Süd AG"),
)
MEMBERS = pages.MembersAppPassword(
    id="d" * 32,
    membership_id="b" * 32,
    name=MARA.name,
    email="mara.maximiliane.von-der-wiesenhoehe@a-rather-long-domain.example",
    product="Payroll",
    comment="Scanner in the cellar, second door on the left",
    created_at=NOW - timedelta(days=20),
    last_used_at=NOW - timedelta(days=1),
    last_used_ip="2001:db8:5:17::1",
)


def log_samples(frame: pages.AdminFrame) -> dict[str, pages.Page]:
    """Both consoles' logs, and what companies say about application passwords."""
    retention = pages.AdminLogRetention(frame=frame, days=400, choices=(90, 365))
    platform = replace(LOG, url="/operator/log", export_url="/operator/log/export", people_url="")
    return {
        "log": pages.AdminLog(frame=frame, log=LOG, notice="retention-saved"),
        "log-empty": pages.AdminLog(frame=frame, log=replace(LOG, entries=()), days=365),
        "log-searched": pages.AdminLog(frame=frame, log=SEARCHED, errors={"to": "dates-reversed"}),
        "log-retention": retention,
        "log-retention-chosen": replace(retention, choice="90", would_go=1234),
        "log-retention-ever": replace(retention, choice="ever"),
        "log-retention-same": replace(retention, choice="400"),
        "log-retention-wrong": replace(retention, choice="7", errors={"days": "retention-invalid"}),
        "operator-log": pages.OperatorLog(me=OPERATOR, log=platform),
        "operator-log-company": pages.OperatorLog(
            me=OPERATOR, log=platform, tenant_name="Nord GmbH", customer_number="012345678"
        ),
        "admin-app-passwords": pages.AdminAppPasswords(
            frame=frame,
            days="90",
            rows=(MEMBERS, replace(MEMBERS, id="e" * 32, last_used_at=None, last_used_ip="")),
            count=1234,
            next_url="/admin/012345678/app-passwords?after=x",
            first_url="/admin/012345678/app-passwords",
        ),
        "admin-app-passwords-empty": pages.AdminAppPasswords(
            frame=frame, allowed=False, days="x", errors={"days": "app-password-age-invalid"}
        ),
    }


def leaving_samples() -> dict[str, pages.Page]:
    """A person's application passwords, and how they go."""
    form = pages.AccountAppPasswordNew(me=ME, targets=TARGETS, lifetimes=(30, 90, 365))
    leave = pages.AccountLeave(
        me=ME,
        tenant_name="Süd Handels- und Verwaltungsgesellschaft AG",
        products=("HR", "Payroll"),
        people_url="/admin/087654321/people",
    )
    delete = pages.AccountDelete(
        me=ME, companies=("Nord GmbH", "Süd AG"), app_passwords=3, sessions=2
    )
    return {
        "app-passwords": pages.AccountAppPasswords(
            me=ME,
            rows=(
                ROW,
                replace(ROW, id="d" * 32, state="expired", last_used_at=None, last_used_ip=""),
                replace(ROW, id="e" * 32, state="forbidden", ends_at=None, last_used_ip=""),
                replace(ROW, id="f" * 32, state="closed", ends_at=None),
            ),
            forbidden_by=("Süd AG",),
            several_companies=True,
            notice="app-password-deleted",
        ),
        "app-passwords-empty": pages.AccountAppPasswords(me=ME),
        "app-passwords-impossible": pages.AccountAppPasswords(me=ME, possible=False),
        "app-password-new": form,
        "app-password-new-error": replace(
            form,
            target="087654321/payroll",
            days="90",
            errors={"comment": "app-password-comment-required"},
        ),
        "app-password-new-impossible": replace(form, targets=()),
        "app-password-made": pages.AccountAppPasswordMade(
            me=ME,
            password="ap-k7mxq-4hd2w-pq8nz-7vcys-m3tra",
            product="Payroll",
            tenant_name="Nord GmbH",
            comment="Calendar on the phone",
        ),
        "leave-company": leave,
        "leave-company-last-admin": replace(leave, last_admin=True),
        "leave-company-current": replace(leave, signs_out=True, products=()),
        "account-delete": delete,
        "account-delete-error": replace(
            delete, email="anna@nord", errors={"email": "confirm-email-mismatch"}
        ),
        "account-delete-stays": replace(
            delete,
            operator=True,
            stays_for=(("Nord GmbH", "/admin/012345678/people"),),
            errors={"": "account-stays"},
        ),
        "account-deleted": pages.AccountDeleted(email=EMAIL),
    }
