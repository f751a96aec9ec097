"""Ten thousand lines with everything that goes wrong in files, killed half-way, none lost.

The file is what companies send: Windows-1252, semicolons, people twice, formulas, broken lines. The
worker that applies it is a process of its own and is really killed.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.infra.database import db, dispose, init_database
from idp.infra.ephemeral import EphemeralStore
from idp.people.actors import Actor
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.report import count_lines, refused_csv
from idp.people.models import Invitation
from idp.settings import Settings
from tests.people.house import HandClock, House, build_house
from tests.people.importing import build_imports
from tests.support.net import wait_for

LINES = 10_000
ACTOR = Actor.command_line()


def people() -> Iterator[str]:
    yield "E-Mail;Vorname;Nachname;Personalnummer"
    for n in range(LINES):
        if n % 100 == 7:
            yield f"person{n - 1}@nord.example;Noch;Einmal;{n}"
        elif n % 100 == 13:
            yield f"person{n}@nord.example;=HYPERLINK(1);Müller;{n}"
        elif n % 100 == 21:
            yield f"kein-at-{n};Jörg;Kaputt;{n}"
        elif n % 100 == 34:
            yield f'person{n}@nord.example;"Zwei\nZeilen";Weiß;{n}'
        else:
            yield f"person{n}@nord.example;Jörg;Größe-{n};{n}"


GOOD = {n for n in range(LINES) if n % 100 not in (7, 13, 21)}


def work_until_killed(settings: Settings, redis_url: str) -> None:
    """The worker's process: everything anew, nothing shared with the test but the stores."""
    app, store = Flask("worker"), EphemeralStore(redis_url)
    init_database(app, settings)
    with app.app_context():
        _, background = build_imports(build_house(app, settings, store, HandClock()))
        background.run_once()
    dispose(app)


def applied() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Invitation)) or 0


def start_worker(settings: Settings, redis_url: str) -> Any:
    worker = multiprocessing.get_context("spawn").Process(
        target=work_until_killed, args=(settings, redis_url)
    )
    worker.start()
    return worker


@pytest.mark.slow
def test_ten_thousand_people(house: House, redis_url: str) -> None:
    tenant = house.tenants.create("012345678", "Nord GmbH", local=True)
    imports, background = build_imports(house)
    data = "\r\n".join(people()).encode("cp1252")
    job = imports.stage(tenant.id, ACTOR, "alle.csv", data, product="hr")
    background.run_once()

    # The preview
    job_id = job.id
    job = imports.get(tenant.id, job_id)
    counts = count_lines(job)
    assert job.options["encoding"] == "Windows-1252"
    assert (job.status, job.total, job.ready) == ("preview", LINES, len(GOOD))
    assert (counts.invite, counts.refused) == (len(GOOD), LINES - len(GOOD))
    assert dict(counts.codes) == {"duplicate-line": 100, "cell-formula": 100, "email-invalid": 100}
    refused = list(refused_csv(job, {}))
    assert len(refused) == 301
    assert sum(",'=HYPERLINK(1)," in line for line in refused) == 100
    assert not [line for line in refused if ",=HYPERLINK" in line]

    # Killed wherever it happens to be
    imports.apply(tenant.id, ACTOR, job_id)
    worker = start_worker(house.settings, redis_url)
    wait_for("people to be imported", lambda: applied() > 2000, pause=0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    half = applied()
    assert 0 < half < len(GOOD), "it was killed before it was done"
    assert half == outcome("applied", job_id)

    # And resumed
    background.run_once()
    job = imports.get(tenant.id, job_id)
    db.session.refresh(job)
    assert (job.status, job.applied, job.ready) == ("done", len(GOOD), 0)
    emails = db.session.scalars(select(Invitation.email)).all()
    assert len(emails) == len(GOOD)
    assert set(emails) == {f"person{n}@nord.example" for n in GOOD}
    person = db.session.scalar(
        select(Invitation).where(Invitation.email == "person34@nord.example")
    )
    assert person is not None
    assert (person.given_name, person.family_name) == ("Zwei Zeilen", "Weiß")
    assert person.external_id == "34"

    # And taken back, with a kill on the way
    imports.undo(tenant.id, ACTOR, job_id)
    assert imports.worker.work()
    assert 0 < applied() < len(GOOD)
    background.run_once()
    assert applied() == 0
    assert outcome("undone", job_id) == len(GOOD)
    assert house.audit.verify() == []


def outcome(name: str, job_id: str) -> int:
    query = select(func.count()).where(ImportLine.job_id == job_id, ImportLine.outcome == name)
    return db.session.scalar(query) or 0


def test_an_import_is_one_row_for_each_company(house: House) -> None:
    """The work of one company's import touches no other company's rows."""
    imports, background = build_imports(house)
    tenants = [house.tenants.create(f"01234567{n}", f"Firma {n}", local=True) for n in (1, 2)]
    for tenant in tenants:
        job = imports.stage(tenant.id, ACTOR, "x.csv", b"E-Mail\na@x.example\n")
        background.run_once()
        imports.apply(tenant.id, ACTOR, job.id)
    background.run_once()
    db.session.rollback()
    rows = db.session.scalars(select(Invitation)).all()
    assert {row.tenant_id for row in rows} == {tenant.id for tenant in tenants}
    assert {job.status for job in db.session.scalars(select(ImportJob))} == {"done"}
