"""Sample contexts of the pages about people and of the console's first page."""

from dataclasses import replace
from datetime import datetime, timedelta

from idp.people.log.names import Party
from idp.people.members.told import ToldRow
from idp.people.overview import Numbers
from idp.web import contexts as pages
from tests.web.log_samples import RECORD

ANNA = Party("person", "Anna Admin", "1" * 32)


def people_samples(
    frame: pages.AdminFrame, person: pages.PersonDetail, now: datetime
) -> dict[str, pages.Page]:
    """By name; ``person`` is the sample of a person's page."""
    helper = replace(frame, is_admin=False, rights=frozenset({"company.people.manage"}))
    some_held = tuple(
        replace(
            group,
            permissions=tuple(
                replace(choice, held=number % 2 == 0)
                for number, choice in enumerate(group.permissions)
            ),
        )
        for group in person.groups
    )
    products = (
        pages.OpenProduct(key="hr", label="HR"),
        pages.OpenProduct(key="payroll", label="Payroll", open=False, held=False),
    )
    not_given = pages.NotGiven(permissions=("See my payslips",), products=("Payroll",))
    invitations = tuple(
        pages.InvitationRow(
            id=letter * 32,
            name=name,
            email=f"{letter}@nord.example",
            role=role,
            invited_by="Anna Admin",
            created_at=now - timedelta(days=days),
            expires_at=now + timedelta(days=7 - days),
            expired=days > 7,
        )
        for letter, name, role, days in (("a", "Ida", "employee", 1), ("b", "Otto", "admin", 9))
    )
    row = pages.SelectedRow(id="2" * 32, name="Erik", email="erik@nord.example", sessions=2)
    refused = tuple(
        replace(row, id=f"{number:032d}", sessions=0, refused=code)
        for number, code in enumerate(
            (
                "locked-already",
                "not-locked",
                "nothing-missing",
                "reminded-before",
                "not-yourself",
                "only-admins",
                "last-admin",
            )
        )
    )
    lock = pages.SelectedPeople(
        frame=frame, action="lock", touched=(row,), refused=refused, sessions=2, back_url="/"
    )
    changes = (
        replace(RECORD, at=now, event="member.locked", actor=ANNA, subject=ANNA),
        replace(
            RECORD,
            at=now - timedelta(days=2),
            event="policy.changed",
            actor=ANNA,
            succeeded=False,
        ),
    )
    ends = pages.Consequences(
        sessions=2,
        devices=("Firefox, Windows", "Safari, iPhone"),
        told=("HR", "Payroll"),
        untold=("Accounting",),
        app_passwords=1,
    )
    told = (
        ToldRow("hr", "HR", "told", now, seconds=0.4, attempts=1),
        ToldRow("acc", "Accounting", "not-registered", now),
    )
    codes = (
        "waiting",
        "admin-requests",
        "factor-overdue",
        "logout-failed",
        "clients-failing",
        "secrets-ending",
        "factor-missing",
        "invitations-expired",
        "invitations-unsent",
        "only-admin",
        "company-local",
        "cut-over-ahead",
    )
    week = pages.Bar(
        at=now,
        x=0,
        set_up=8,
        in_time=3,
        overdue=1,
        set_up_height=80,
        in_time_height=30,
        overdue_height=10,
    )
    overview = pages.AdminOverview(
        frame=frame,
        todo=tuple(
            pages.ToDoRow(
                code=code,
                count=number % 3 + 1,
                url="/",
                name="Erik Engel",
                at=now + timedelta(days=3),
            )
            for number, code in enumerate(codes)
        ),
        numbers=Numbers(people=1240, active=1200, locked=30, admins=2, seen=900, invited=7),
        rollout=pages.RollOutView(set_up=8, in_time=3, overdue=1, weeks=(week,)),
        changes=changes,
        log_url="/admin/012345678/log",
    )
    full = replace(
        person,
        products=products,
        some_products=True,
        ends=ends,
        session_count=2,
        told=told,
        changes=changes,
        log_url="/admin/012345678/log?person=x",
    )
    return {
        "overview": overview,
        "overview-calm": pages.AdminOverview(frame=helper),
        "invitations": pages.Invitations(
            frame=frame,
            invitations=invitations,
            valid=1,
            expired=1,
            next_url="?after=x",
            first_url="?",
        ),
        "invitations-helper": pages.Invitations(
            frame=helper, invitations=invitations, valid=1, expired=1
        ),
        "invitations-unsent": pages.Invitations(
            frame=helper, invitations=invitations, state="unsent", unsent=2, local=True
        ),
        "invitations-none": pages.Invitations(frame=frame, state="expired", query="<b>"),
        "selected-lock": lock,
        "selected-lock-error": replace(lock, errors={"reason": "reason-required"}),
        "selected-unlock": replace(lock, action="unlock", sessions=0),
        "selected-remind": replace(lock, action="remind"),
        "selected-nothing": replace(lock, touched=()),
        "selected-tried": replace(lock, touched=(), tried=True),
        "person-told": full,
        "person-helper-view": replace(
            full, frame=helper, groups=some_held, may_open_all=False, log_url="", changes=()
        ),
        "person-helper-lets-in": replace(
            full,
            frame=helper,
            person=replace(person.person, status="waiting"),
            not_given=not_given,
            told=(),
        ),
        "person-helper-unlocks": replace(
            full, frame=helper, person=replace(person.person, status="locked"), not_given=not_given
        ),
        "person-admin-for-helper": replace(
            full,
            frame=helper,
            person=replace(person.person, role="admin"),
            hands_off="only-admins",
        ),
        "person-helper-self": replace(
            full, frame=helper, is_self=True, hands_off="not-yourself", changes=()
        ),
        "person-locked-everywhere": replace(
            full, person=replace(person.person, status="locked"), account_locked=True
        ),
        "person-permissions-error": replace(
            full,
            groups=some_held,
            failed="permissions",
            errors={"permission": "permission-not-held"},
        ),
        "person-products-error": replace(
            full, failed="products", errors={"product": "product-required"}
        ),
        "invite-helper": pages.Invite(
            frame=helper,
            groups=some_held,
            products=products,
            some_products=True,
            may_open_all=False,
            not_given=replace(not_given, products=()),
            errors={"product": "product-required", "permission": "permission-not-held"},
        ),
    }
