"""Filled contexts of the imports of people, in both consoles."""

from dataclasses import replace
from datetime import timedelta

from idp.people.imports.report import Counts
from idp.web import contexts as pages
from idp.web.contexts.imports import (
    Choice,
    HookRow,
    ImportColumn,
    ImportLineRow,
    ImportReason,
    ImportRow,
    ImportsView,
    ImportView,
)
from tests.web.case_samples import ME
from tests.web.login_samples import NOW

BASE = "/admin/012345678/imports"
ROW = ImportRow(
    id="f" * 32,
    file_name="personal-nord-2026-11_endgültig.csv",
    status="preview",
    total=10_000,
    ready=9_412,
    refused=561,
    created_by="Anna Admin",
    created_at=NOW - timedelta(minutes=4),
)
PRODUCTS = (
    Choice(key="hr", label="HR", checked=True),
    Choice(key="payroll", label="Payroll"),
    Choice(key="accounting", label="Accounting"),
)
COUNTS = Counts(
    invite=9_000,
    link=312,
    account=0,
    merge=100,
    staged=0,
    refused=561,
    collision=27,
    skipped=0,
    applied=0,
    undone=0,
    kept=0,
    codes=(("duplicate-line", 300), ("cell-formula", 201), ("email-invalid", 60)),
)
LISTING = ImportsView(
    base=BASE,
    back_url="/admin/012345678/people",
    tenant_name="Nord GmbH",
    local=True,
    trusted=False,
    products=PRODUCTS,
    rows=(
        ROW,
        replace(ROW, id="e" * 32, status="done", applied=9_412, ready=0),
        replace(ROW, id="d" * 32, status="paused", applied=4_000, ready=5_412, trusted=True),
        replace(ROW, id="c" * 32, status="undone"),
        replace(ROW, id="b" * 32, status="checking"),
        replace(ROW, id="a" * 32, status="undoing", applied=200),
    ),
)
SILENT = HookRow(
    product="payroll",
    label="Payroll",
    uri="https://payroll.old.example/check",
    updated_at=NOW,
    silent_since=NOW - timedelta(hours=2),
    asked_at=NOW + timedelta(minutes=9),
)
VIEW = ImportView(
    base=f"{BASE}/{ROW.id}",
    list_url=BASE,
    row=ROW,
    tenant_name="Nord GmbH",
    local=False,
    counts=COUNTS,
    percent=100,
    admins=3,
    withheld=("See my payslips", "Request leave"),
    columns=(
        ImportColumn(name="E-Mail", field="email"),
        ImportColumn(name="Vorname", field="given_name"),
        ImportColumn(name="Name", field="family_name"),
        ImportColumn(name="", field=""),
    ),
    fields=("email", "given_name", "family_name", "salutation", "role", "permissions", "locale"),
    product="HR",
    came_from=PRODUCTS,
    opened=PRODUCTS,
    show="ready",
    lines=(
        ImportLineRow(
            line=2,
            name="Mara Maximiliane von der Wiesenhöhe",
            email="mara@nord.example",
            products=("HR",),
            action="invite",
        ),
        ImportLineRow(line=3, name="Bo Berg", email="bo@nord.example", role="admin", action="link"),
        ImportLineRow(line=4, name="", email="c@nord.example", action="merge"),
        ImportLineRow(line=5, name="Di Dorn", email="di@nord.example", action="account"),
    ),
    next_url=f"{BASE}/{ROW.id}?show=ready&after=5#lines",
    first_url=f"{BASE}/{ROW.id}?show=ready#lines",
)
REFUSED = replace(
    VIEW,
    show="refused",
    reasons=tuple(
        ImportReason(code=code, count=n, url=f"{BASE}?code={code}", current=code == "cell-formula")
        for code, n in COUNTS.codes
    ),
    lines=(
        ImportLineRow(
            line=17, name="", email="=1+1", outcome="refused", problems=(("cell-formula", 0),)
        ),
        ImportLineRow(
            line=9_999,
            name="Bo Berg",
            email="bo@nord.example",
            outcome="refused",
            problems=(("duplicate-line", 3), ("role-unknown", 0)),
        ),
    ),
)
COLLISION = replace(
    VIEW,
    show="collision",
    lines=(
        ImportLineRow(
            line=42,
            name="Bo Borg",
            email="bo@nord.example",
            action="merge",
            outcome="collision",
            problems=(("collision", 0),),
            other_name="Bo Berg",
            other_product="HR",
        ),
    ),
)
RUNNING = replace(
    VIEW,
    row=replace(ROW, status="running", applied=4_000, ready=5_412),
    counts=replace(COUNTS, applied=4_000, invite=5_412, link=0, merge=0),
    percent=42,
    show="applied",
    lines=(),
    may_undo=True,
)


def import_samples(frame: pages.AdminFrame) -> dict[str, pages.Page]:
    """The pages of both consoles."""
    return {
        "imports": pages.AdminImports(frame=frame, view=LISTING),
        "imports-refused": pages.AdminImports(
            frame=frame,
            view=replace(LISTING, rows=()),
            errors={"file": "file-too-large"},
            error_values={"megabytes": 8},
        ),
        "import": pages.AdminImport(frame=frame, view=VIEW, notice="import-checking"),
        "import-lines": pages.AdminImport(frame=frame, view=REFUSED, errors={"": "import-state"}),
        "import-collision": pages.AdminImport(frame=frame, view=COLLISION),
        "import-running": pages.AdminImport(frame=frame, view=RUNNING, notice="import-running"),
        "import-stopped": pages.AdminImport(
            frame=frame,
            view=replace(RUNNING, row=replace(ROW, status="paused"), stopped="failed"),
        ),
        "import-checking": pages.AdminImport(
            frame=frame,
            view=replace(RUNNING, row=replace(ROW, status="checking"), may_change=False),
        ),
        "import-undoing": pages.AdminImport(
            frame=frame,
            view=replace(
                RUNNING, row=replace(ROW, status="undoing"), stopped="refused", may_undo=False
            ),
        ),
        "operator-imports": pages.OperatorImports(me=ME, view=replace(LISTING, trusted=True)),
        "operator-import": pages.OperatorImport(
            me=ME,
            view=replace(
                VIEW,
                row=replace(ROW, trusted=True),
                counts=replace(COUNTS, account=500),
                fields=(*VIEW.fields, "password_hash", "email_verified", "external_id", "products"),
                may_ask=True,
                ask=True,
                local=True,
            ),
        ),
        "legacy-logins": pages.LegacyLogins(
            me=ME,
            hooks=(
                HookRow(
                    product="hr", label="HR", uri="https://hr.old.example/check", updated_at=NOW
                ),
                HookRow(product="payroll", label="Payroll"),
            ),
            product="HR",
            secret="c2VjcmV0LW9mLXRoZS1ob29rLWZvci10aGUtb2xkLXByb2R1Y3Q",
        ),
        "legacy-logins-refused": pages.LegacyLogins(
            me=ME,
            hooks=(
                HookRow(product="hr", label="HR"),
                replace(SILENT, asked_at=NOW - timedelta(minutes=1)),
                replace(SILENT, product="accounting", label="Accounting"),
            ),
            product="hr",
            uri="http://old",
            errors={"uri": "legacy-uri-invalid"},
        ),
    }
