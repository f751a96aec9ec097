"""The policy's pages, filled: how far it has come, the form, what it would change, one person."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from idp.web import contexts as pages

KEYS = ("totp", "webauthn", "sms", "voice", "email")
COUNTS = (
    (0, 12, 0),
    (4, 9, 0),
    (5, 9, 0),
    (9, 6, 0),
    (14, 6, 1),
    (17, 3, 2),
    (21, 3, 2),
    (23, 2, 1),
)


def policy_samples(frame: pages.AdminFrame, person: Any, now: Any) -> dict[str, pages.Page]:
    """The pages in the company of ``frame``; ``person`` is the plain page of a member."""
    missing = tuple(
        pages.MissingRow(
            id=f"{number:032x}",
            name=name,
            email=f"m{number}@nord.example",
            deadline=now + timedelta(days=3 * number - 4),
            overdue=number == 1,
            last_sign_in=now - timedelta(hours=5) if number == 1 else None,
            reminded_at=now - timedelta(hours=2) if number == 2 else None,
        )
        for number, name in enumerate(("Erik Employee", "Mara Möller-Lüdenscheidt", "Ole"), 1)
    )
    rollout = pages.RollOutView(
        set_up=23,
        in_time=2,
        overdue=1,
        weeks=tuple(
            pages.Bar(
                at=now - timedelta(weeks=7 - position),
                x=position * 45,
                set_up=done,
                in_time=waiting,
                overdue=late,
                set_up_height=done * 4,
                in_time_height=waiting * 4,
                overdue_height=late * 4,
            )
            for position, (done, waiting, late) in enumerate(COUNTS)
        ),
        missing=missing,
        missing_count=40,
    )
    policy = pages.PolicyPage(
        frame=frame,
        mfa="admins",
        factors=tuple(
            pages.FactorChoice(key=key, checked=key in KEYS[:2], available=key != "voice")
            for key in KEYS
        ),
        changed_at=now - timedelta(days=1),
        clients=(
            pages.ClientMinimum(client_id="hr", name="HR"),
            pages.ClientMinimum(client_id="payroll", name="Payroll", level=3, registered=2),
            pages.ClientMinimum(client_id="intranet-1", name="Intranet"),
        ),
        forecasts={
            "admins": pages.ModeForecast(bound=2, without_factor=0),
            "selected": pages.ModeForecast(bound=6, without_factor=3),
            "everyone": pages.ModeForecast(bound=1240, without_factor=870),
        },
        people=tuple(
            pages.PersonChoice(
                id=f"{number:032x}",
                name=f"Person {number}",
                email=f"person{number}@nord.example",
                role="admin" if number == 1 else "employee",
                checked=number % 3 == 0,
            )
            for number in range(1, 13)
        ),
        rollout=rollout,
    )
    preview = pages.PolicyPreview(
        frame=frame,
        mfa="selected",
        factors=KEYS,
        grace_days=14,
        remember_days=30,
        stage_size=50,
        stage_days=7,
        minimums=policy.clients,
        selected=("3" * 32,),
        members=1240,
        bound=606,
        with_factor=306,
        newly_bound=400,
        released=1,
        warnings=("email-weak", "phone-weak", "remembered-end"),
        groups=(
            pages.EffectGroup(effect="stuck", count=1, names=("Ole",)),
            pages.EffectGroup(effect="enroll-now", count=2, names=("Erik", "Mara"), you=True),
            pages.EffectGroup(effect="replace-now", count=1, names=("Ida",)),
            pages.EffectGroup(
                effect="enroll-by",
                count=30,
                names=tuple(f"Person {n}" for n in range(30)),
                deadline=now + timedelta(days=14),
            ),
            pages.EffectGroup(
                effect="in-groups",
                count=80,
                deadline=now + timedelta(days=21),
                stages=(
                    pages.Stage(
                        number=1,
                        first="Anna Admin",
                        last="Mara Möller-Lüdenscheidt",
                        count=50,
                        deadline=now + timedelta(days=14),
                    ),
                    pages.Stage(
                        number=2,
                        first="Nina",
                        last="Zoe",
                        count=30,
                        deadline=now + timedelta(days=21),
                    ),
                ),
            ),
            pages.EffectGroup(
                effect="replace-by", count=9, names=("Uwe",), deadline=now + timedelta(days=14)
            ),
            pages.EffectGroup(effect="let-through", count=1, names=("Lea",)),
            pages.EffectGroup(effect="asked", count=306, names=("Anna Admin",)),
            pages.EffectGroup(effect="asked-by-own-choice", count=2, names=("Udo", "Ute")),
            pages.EffectGroup(effect="released", count=1, names=("Rita",)),
            pages.EffectGroup(effect="none", count=630, names=("Nina",)),
            pages.EffectGroup(effect="cannot-sign-in", count=3, names=("Willi",)),
        ),
        clients=(
            pages.ClientEffect(name="Payroll", level=3, enroll=12, stuck=1),
            pages.ClientEffect(name="Intranet", level=2),
        ),
    )
    bound = replace(
        person,
        person=replace(
            person.person,
            must_have=True,
            second_factor=False,
            factors=("totp", "sms"),
            deadline=now - timedelta(days=1),
        ),
        may_bypass=True,
    )
    return {
        "policy": policy,
        "policy-reminded": replace(policy, notice="reminded", reminded=40),
        "policy-selected": replace(
            policy,
            mfa="selected",
            hidden_people=1228,
            find="per",
            stage_size="x",
            errors={
                "selected": "selected-required",
                "grace_days": "grace-days-invalid",
                "stage_size": "stage-size-invalid",
                "client_minimums": "client-minimum-invalid",
            },
        ),
        "policy-quiet": replace(
            policy,
            notice="policy-saved",
            passkeys_available=False,
            clients=(),
            rollout=replace(rollout, in_time=0, overdue=0, missing=(), missing_count=0),
        ),
        "policy-preview": preview,
        "policy-preview-now": replace(
            preview,
            mfa="everyone",
            factors=("webauthn",),
            phishing_resistant_only=True,
            grace_days=0,
            remember_days=0,
            stage_size=None,
            stage_days=None,
            minimums=(),
            selected=(),
            bound=1240,
            with_factor=0,
            newly_bound=0,
            released=0,
            warnings=("phishing-resistant", "only-sent"),
            groups=(pages.EffectGroup(effect="replace-now", count=1240, names=("Ida",), you=True),),
            clients=(),
        ),
        "person-to-set-up": bound,
        "person-bypassed": replace(
            bound,
            bypass_until=now + timedelta(hours=20),
            reminded_at=now - timedelta(days=2),
            notice="bypass-granted",
        ),
        "person-bypass-error": replace(
            bound,
            failed="bypass",
            hours="99",
            errors={"hours": "bypass-hours-invalid", "reason": "reason-required"},
        ),
    }
