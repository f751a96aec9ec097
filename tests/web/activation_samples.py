"""The pages of activation, filled: before it, while people move, and the steps at the sign-in."""

from datetime import timedelta
from typing import Any

from idp.people.activation.moving import Moving
from idp.web import contexts as pages

COUNTS = ((0, 0), (0, 26), (4, 22), (9, 17), (12, 14), (16, 10), (20, 6), (23, 3))


def activation_samples(
    frame: pages.AdminFrame, entering: pages.Entering, now: Any
) -> dict[str, pages.Page]:
    """Console pages in the company of ``frame``, login pages on the way to ``entering``."""
    mails = tuple(
        pages.MailPreview(
            lang=lang,
            language=language,
            subject="Nord GmbH: please create your account",
            text="Hello,\n\nPlease create your account.\n\nhttps://login.vendor.example/invitation/…",
        )
        for lang, language in (("en", "English"), ("de", "Deutsch"))
    )
    cutover = pages.CutoverForm(date="2026-12-20", earliest="2026-11-24", latest="2027-11-23")
    people = tuple(
        pages.MovingRow(
            id=f"{number:032x}",
            name=name,
            email=f"m{number}@nord.example",
            where=where,
            way=way,
            moved_at=now - timedelta(days=2) if where == "moved" else None,
            sent_at=now - timedelta(days=9) if where != "unsent" else None,
            reminded_at=now - timedelta(hours=5) if number == 2 else None,
            url="/admin/012345678/people/x" if way else "",
        )
        for number, (name, where, way) in enumerate(
            (
                ("Erik Employee", "told", ""),
                ("Mara Maximiliane von der Wiesenhöhe-Lüdenscheidt", "told", ""),
                ("Nils Neu", "unsent", ""),
                ("Karla Kept", "kept", "kept"),
                ("Rita Registered", "moved", "registered"),
                ("Lea Linked", "moved", "linked"),
                ("Kai Kept", "moved", "kept"),
                ("Gero Gone", "gone", ""),
            ),
            1,
        )
    )
    weeks = tuple(
        pages.Bar(
            at=now - timedelta(weeks=7 - position),
            x=position * 45,
            set_up=moved,
            in_time=missing,
            overdue=0,
            set_up_height=moved * 4,
            in_time_height=missing * 4,
        )
        for position, (moved, missing) in enumerate(COUNTS)
    )
    moving: dict[str, Any] = {
        "frame": frame,
        "activated_at": now - timedelta(days=50),
        "counts": Moving(registered=15, linked=5, kept=3, unused=1, told=1, unsent=1, gone=1),
        "weeks": weeks,
        "mails": mails,
    }
    return {
        "activation": pages.Activation(
            frame=frame, cutover=cutover, kept=1, existing=4, new=1240, members=2, mails=mails
        ),
        "activation-nobody": pages.Activation(frame=frame, cutover=cutover, mails=mails),
        "activation-error": pages.Activation(
            frame=frame,
            cutover=cutover,
            new=1,
            confirm_name="Nord",
            errors={"confirm_name": "confirm-name-mismatch"},
        ),
        "activation-too-soon": pages.Activation(
            frame=frame, cutover=cutover, new=1, errors={"cutover_date": "cutover-invalid"}
        ),
        "activation-moving": pages.MovingPage(
            **moving,
            state="moving",
            cutover_at=now + timedelta(days=12),
            cutover=cutover,
            people=people[:4],
            next_url="?after=x",
            notice="activated",
        ),
        "activation-over": pages.MovingPage(
            **moving,
            state="central",
            cutover_at=now - timedelta(days=1),
            people=people[:2],
            query="m",
            reminded=2,
        ),
        "activation-moved": pages.MovingPage(
            **moving, state="central", show="moved", people=people[4:7], first_url="?show=moved"
        ),
        "activation-gone": pages.MovingPage(
            **moving, state="central", show="gone", people=people[7:]
        ),
        "activation-nobody-found": pages.MovingPage(**moving, state="central", query="x"),
        "activation-none": pages.MovingPage(frame=frame, state="central"),
        "policy-local": pages.PolicyLocal(frame=frame),
        "activate": pages.Activate(
            email="erik.employee@nord.example",
            entering=entering,
            tenant_names=("Nord GmbH",),
            may_postpone=True,
            deadline=now + timedelta(days=12),
        ),
        "activate-several": pages.Activate(
            email="erik.employee@nord.example", tenant_names=("Nord GmbH", "Süd AG")
        ),
        "still-local": pages.StillLocal(
            email="erik.employee@nord.example",
            entering=entering,
            tenant_names=("Ost OHG",),
            may_cancel=True,
        ),
        "join-company-local": pages.JoinCompany(
            email="erik.employee@nord.example", tenant_names=("Ost OHG", "West KG")
        ),
        "no-company-local": pages.NoCompany(
            email="erik.employee@nord.example", entering=entering, tenant_names=("Ost OHG",)
        ),
    }
