"""Imports: reading, checking, applying, merging, pausing, taking back."""

import json
from dataclasses import dataclass
from typing import Any

import bcrypt
import pytest
from sqlalchemy import inspect, select

from idp.infra.background import Background
from idp.infra.database import db, transaction
from idp.infra.throttle import Throttled
from idp.people.actors import Actor, NotAllowed, NotHeld
from idp.people.imports.errors import ImportRefused, UnknownImport
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.reading import FileRefused
from idp.people.imports.report import count_lines, list_lines, refused_csv
from idp.people.imports.service import Imports
from idp.people.models import Invitation
from idp.tenants.catalogue import MANAGE_PEOPLE
from tests.people.house import House, both_databases
from tests.people.importing import build_imports

HASH = bcrypt.hashpw(b"altes-Kennwort-1", bcrypt.gensalt(4)).decode()
OPERATOR = Actor("Olga", "olga", None, everywhere=True)
PLAIN = """E-Mail;Vorname;Nachname
anna@nord.example;Anna;Adler
bo@nord.example;Bo;Berg
"""


@dataclass
class Office:
    """A company and what imports people into it."""

    house: House
    imports: Imports
    background: Background
    tenant_id: str
    admin: Actor

    def stage(
        self, text: str | bytes, actor: Actor | None = None, *, checked: bool = True, **more: Any
    ) -> ImportJob:
        data = text.encode() if isinstance(text, str) else text
        job = self.imports.stage(self.tenant_id, actor or self.admin, "people.csv", data, **more)
        if checked:
            self.run()
        return self.again(job)

    def run(self) -> None:
        self.background.run_once()

    def again(self, job: ImportJob) -> ImportJob:
        job_id = inspect(job).identity[0]
        db.session.rollback()
        db.session.expire_all()
        return self.imports.get(self.tenant_id, job_id)

    def apply(self, job: ImportJob, actor: Actor | None = None) -> ImportJob:
        self.imports.apply(self.tenant_id, actor or self.admin, job.id)
        self.run()
        return self.again(job)

    def undo(self, job: ImportJob, actor: Actor | None = None) -> ImportJob:
        self.imports.undo(self.tenant_id, actor or self.admin, job.id)
        self.run()
        return self.again(job)

    def outcomes(self, job: ImportJob) -> dict[int, tuple[str, str | None]]:
        self.again(job)
        query = select(ImportLine).where(ImportLine.job_id == job.id).order_by(ImportLine.line)
        return {
            line.line: (line.outcome, line.code or line.action)
            for line in db.session.scalars(query)
        }

    def invitations(self) -> list[Invitation]:
        db.session.rollback()
        db.session.expire_all()
        return list(db.session.scalars(select(Invitation).order_by(Invitation.email)))


@pytest.fixture
def office(house: House) -> Office:
    tenant = house.tenants.create("012345678", "Nord GmbH", local=True)
    admin, _ = house.member(tenant, "chef@nord.example", "admin")
    imports, background = build_imports(house)
    return Office(house, imports, background, tenant.id, house.actor(admin))


def helper_of(office: Office, *permissions: str) -> Actor:
    tenant = office.house.tenants.get(office.tenant_id)
    account, membership = office.house.member(tenant, "hilde@nord.example")
    office.house.tenants.memberships.set_permissions(
        tenant.id, membership.id, [MANAGE_PEOPLE, *permissions]
    )
    return office.house.actor(account)


# -- reading ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter"),
    [
        ("E-Mail;Vorname\nj@x.example;Jürgen\n".encode(), "UTF-8", ";"),
        ("\ufeffMail,First name\r\nj@x.example,Jürgen\r\n".encode(), "UTF-8", ","),
        ("email\tVorname\nj@x.example\tJürgen\n".encode("utf-16"), "UTF-16", "\t"),
        ("email\tVorname\nj@x.example\tJürgen\n".encode("utf-16-le"), "UTF-16", "\t"),
        ("email\tVorname\nj@x.example\tJürgen\n".encode("utf-16-be"), "UTF-16", "\t"),
        ("E-Mail;Vorname\nj@x.example;Jürgen\n".encode("cp1252"), "Windows-1252", ";"),
        (b"sep=,\r\nE-Mail Adresse,Vorname\r\nj@x.example,J\xfcrgen\r\n", "Windows-1252", ","),
        ('"E-Mail";"Vorname"\n"j@x.example";"J\u00fcr-\ngen"\n'.encode(), "UTF-8", ";"),
    ],
)
def test_encodings_and_delimiters(
    office: Office, data: bytes, encoding: str, delimiter: str
) -> None:
    job = office.stage(data)
    assert job.options["encoding"] == encoding
    assert job.options["delimiter"] == delimiter
    (row,) = list_lines(job, ("ready",))
    assert row.email == "j@x.example"
    assert row.name.replace("- ", "") == "Jürgen"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file-empty"),
        (b"\n\n;;\n", "file-empty"),
        (b"E-Mail;Vorname\n", "file-empty"),
        (b"PK\x03\x04...", "file-spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1", "file-spreadsheet"),
        (b"E-Mail\nx@x.example\x00\n", "file-not-text"),
        (b"\xff\xfeE", "file-not-text"),
        (b"E-Mail" + b";a" * 100 + b"\nx@x.example\n", "file-too-many-columns"),
        (b"E-Mail\n" + b"x@x.example\n" * 20_001, "file-too-many-lines"),
        (b"E-Mail\n" + b"x" * (8 * 1024 * 1024), "file-too-large"),
        (b'E-Mail;Name\nx@x.example;"open' + b"x\n" * 100_000, "file-quotes"),
        (f"E-Mail;Passwort-Hash\nx@x.example;{HASH}\n".encode(), "hash-untrusted"),
        (b"E-Mail;E-Mail best\xc3\xa4tigt\nx@x.example;ja\n", "hash-untrusted"),
    ],
)
def test_files_that_are_refused(office: Office, data: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        office.stage(data)
    assert refused.value.code == code
    assert office.imports.list(office.tenant_id) == []


def test_lines_keep_the_numbers_of_the_file(office: Office) -> None:
    job = office.stage('E-Mail;Vorname\n\na@x.example;"A\nB"\nb@x.example;C\n;;;\nbad;D\n')
    assert list(office.outcomes(job)) == [3, 5, 7]


def test_a_file_without_names_of_columns(office: Office) -> None:
    job = office.stage("Anna;anna@nord.example\nBo;bo@nord.example\n")
    assert job.options["columns"] == [None, "email"]
    assert job.ready == 2


# -- checking -----------------------------------------------------------------------------

BAD = """E-Mail;Vorname;Nachname;Rolle;Rechte;Produkte;Personalnummer;Sprache;Anrede
good@nord.example;Gerda;Gut;Mitarbeiter;hr.profile.read,hr.team.read;HR, Lohn;08;Deutsch;Frau
;Ohne;Mail;;;;;;
kein-at;A;B;;;;;;
GOOD@nord.example ;Noch;Einmal;;;;;;
chef@nord.example;C;D;;;;;;
formel@nord.example;=cmd|'/c calc'!A1;B;;;;;;
formel2@nord.example;A;'@SUM(1);;;;;;
strich@nord.example;-;Strich;;;;;;
rolle@nord.example;A;B;Kaiser;;;;;
recht@nord.example;A;B;;hr.everything;;;;
produkt@nord.example;A;B;;;Rakete;;;
sprache@nord.example;A;B;;;;;Klingonisch;
anrede@nord.example;A;B;;;;;;Hoheit
lang@nord.example;{long};B;;;;;;
steuer@nord.example;A\u202eB;B;;;;;;
breit@nord.example;A;B;;;;;;;zuviel
da@sued.example;Da;Schon;;;;;;
"""


def test_every_line_says_what_is_wrong_with_it(office: Office) -> None:
    office.house.account("da@sued.example")
    job = office.stage(BAD.format(long="x" * 101))
    assert job.status == "preview"
    assert office.outcomes(job) == {
        2: ("ready", "invite"),
        3: ("refused", "email-missing"),
        4: ("refused", "email-invalid"),
        5: ("refused", "duplicate-line"),
        6: ("refused", "already-member"),
        7: ("refused", "cell-formula"),
        8: ("refused", "cell-formula"),
        9: ("ready", "invite"),
        10: ("refused", "role-unknown"),
        11: ("refused", "permission-not-known"),
        12: ("refused", "product-unknown"),
        13: ("refused", "language-unknown"),
        14: ("refused", "salutation-unknown"),
        15: ("refused", "too-long"),
        16: ("refused", "cell-control"),
        17: ("refused", "line-too-many-cells"),
        18: ("ready", "link"),
    }
    counts = count_lines(job)
    assert (counts.invite, counts.link, counts.refused) == (2, 1, 14)
    assert ("cell-formula", 2) in counts.codes
    (twice,) = list_lines(job, ("refused",), code="duplicate-line")
    assert twice.problems[0]["line"] == 2


def test_refused_lines_can_be_taken_home_without_formulas(office: Office) -> None:
    job = office.stage("E-Mail;Vorname\n=1+1;A\nok@x.example;B\nb@x.example;@cmd\n")
    text = "".join(refused_csv(job, {"cell-formula": "Formel"}))
    lines = text.removeprefix("\ufeff").splitlines()
    assert lines[0] == "E-Mail,Vorname,line,reason"
    assert lines[1] == "'=1+1,A,2,Formel"
    assert lines[2] == "b@x.example,'@cmd,4,Formel"


def test_whoever_hides_accounts_tells_an_admin_nothing_of_them(office: Office) -> None:
    office.house.account("da@sued.example")
    office.imports.worker._hide = True
    text = "E-Mail\nda@sued.example\nneu@sued.example\n"
    assert count_lines(office.stage(text)).invite == 2
    assert count_lines(office.stage(text, OPERATOR)).link == 1


def test_columns_can_be_corrected(office: Office) -> None:
    job = office.stage("Kontakt;Rufname;Bemerkung\nanna@nord.example;Anna;Adler\n")
    assert job.options["columns"] == ["email", "given_name", None]
    office.imports.set_options(
        office.tenant_id, office.admin, job.id, columns=["email", "given_name", "family_name"]
    )
    office.run()
    (row,) = list_lines(office.again(job), ("ready",))
    assert row.name == "Anna Adler"
    for columns, code in (
        (["email", "email", None], "column-twice"),
        ([None, "given_name", None], "column-email-missing"),
        (["email", "password_hash", None], "column-invalid"),
        (["email"], "column-invalid"),
    ):
        with pytest.raises(ImportRefused) as refused:
            office.imports.set_options(office.tenant_id, office.admin, job.id, columns=columns)
        assert refused.value.code == code


def test_a_helper_hands_out_no_more_than_they_hold(office: Office) -> None:
    helper = helper_of(office, "hr.profile.read")
    job = office.stage(
        "E-Mail;Rolle;Rechte\na@x.example;;hr.profile.read\nb@x.example;;hr.people.edit\n"
        "c@x.example;Admin;\n",
        helper,
    )
    assert office.outcomes(job) == {
        2: ("ready", "invite"),
        3: ("refused", "permission-not-held"),
        4: ("refused", "only-admins"),
    }
    with pytest.raises(NotHeld):
        office.imports.set_options(office.tenant_id, helper, job.id, permissions=["hr.people.edit"])
    other = office.stage(PLAIN)
    with pytest.raises(NotAllowed):
        office.imports.apply(office.tenant_id, helper, other.id)


def test_other_companies_and_strangers_find_nothing(office: Office) -> None:
    job = office.stage(PLAIN)
    sued = office.house.tenant("087654321", "Süd AG")
    sven, _ = office.house.member(sued, "sven@sued.example", "admin")
    stranger = office.house.actor(sven)
    with pytest.raises(NotAllowed):
        office.stage(PLAIN, stranger)
    with pytest.raises(NotAllowed):
        office.imports.apply(office.tenant_id, stranger, job.id)
    with pytest.raises(UnknownImport):
        office.imports.apply(sued.id, stranger, job.id)
    with pytest.raises(UnknownImport):
        office.imports.get(sued.id, job.id)


def test_trust_comes_from_the_actor_alone(office: Office) -> None:
    text = f"E-Mail;Hash;bestätigt\nanna@nord.example;{HASH};ja\n"
    with pytest.raises(FileRefused):
        office.stage(text, trusted=True)
    bound = Actor.client("HR", "hr-client", office.tenant_id)
    with pytest.raises(FileRefused):
        office.stage(text, bound)
    with pytest.raises(FileRefused):
        office.stage(text, OPERATOR, trusted=False)
    job = office.stage(text, OPERATOR)
    assert job.trusted
    assert office.outcomes(job) == {2: ("ready", "account")}
    with pytest.raises(NotAllowed):
        office.imports.apply(office.tenant_id, office.admin, job.id)
    assert HASH not in "".join(refused_csv(job, {}))
    assert HASH not in str(list_lines(job, ("ready",)))


def test_a_company_cannot_upload_without_end(office: Office) -> None:
    with pytest.raises(Throttled):
        for _ in range(40):
            office.stage(PLAIN, checked=False)


# -- applying -----------------------------------------------------------------------------


@both_databases
def test_applied_lines_are_invitations_nobody_was_told_of(office: Office) -> None:
    job = office.stage(
        "E-Mail;Vorname;Nachname;Rolle;Rechte;Produkte;Nr\nanna@nord.example;Anna;Adler;;"
        "hr.team.read;HR;4711\nbo@nord.example;Bo;Berg;Admin;;;\n",
        locale="de",
    )
    office.imports.set_options(
        office.tenant_id,
        office.admin,
        job.id,
        columns=[*job.options["columns"][:6], "external_id"],
        locale="de",
    )
    office.run()
    done = office.apply(job)
    assert (done.status, done.applied, done.ready) == ("done", 2, 0)
    anna, bo = office.invitations()
    assert (anna.email, anna.given_name, anna.family_name) == ("anna@nord.example", "Anna", "Adler")
    assert (anna.permissions, anna.products) == (["hr.team.read"], ["hr"])
    assert (anna.external_id, anna.import_id, anna.locale) == ("4711", job.id, "de")
    assert (anna.sent_at, anna.password_hash, anna.email_verified) == (None, None, False)
    assert (bo.role, bo.products) == ("admin", None)
    assert "hr.profile.read" in bo.permissions
    assert office.house.mails() == []
    chain = list(office.house.audit.export(office.tenant_id))
    assert [e["event"] for e in chain][-3:] == [
        "import.staged",
        "import.started",
        "import.finished",
    ]


def test_hashes_of_a_trusted_file_go_with_the_invitation_and_nowhere_else(office: Office) -> None:
    job = office.stage(
        f"E-Mail;Hash;verified\nanna@nord.example;{HASH};1\nbo@nord.example;md5;1\n", OPERATOR
    )
    assert office.outcomes(job)[3] == ("refused", "hash-unknown")
    office.apply(job, OPERATOR)
    (anna,) = office.invitations()
    assert anna.password_hash == "{bcrypt}" + HASH
    assert anna.email_verified
    line = db.session.get(ImportLine, (job.id, 2))
    assert line is not None
    assert HASH not in json.dumps(line.data)


def test_where_there_are_no_hashes_the_old_product_is_asked(office: Office) -> None:
    job = office.stage(
        "E-Mail;Personalnummer;verified\nanna@nord.example;4711;1\n", OPERATOR, product="hr"
    )
    ask = {"product": "hr", "products": ["hr"], "ask": True}
    with pytest.raises(ImportRefused) as refused:
        office.imports.set_options(office.tenant_id, OPERATOR, job.id, **ask)
    assert refused.value.code == "import-no-hook"
    office.imports.can_ask = lambda product: product == "hr"
    office.imports.set_options(office.tenant_id, OPERATOR, job.id, **ask)
    office.run()
    office.apply(job, OPERATOR)
    (anna,) = office.invitations()
    assert anna.password_hash == "{ask}hr:4711"


def test_what_changed_since_the_preview_is_seen(office: Office) -> None:
    job, again = office.stage(PLAIN), office.stage(PLAIN)
    tenant = office.house.tenants.get(office.tenant_id)
    office.house.member(tenant, "bo@nord.example")
    office.apply(job)
    assert office.outcomes(job) == {2: ("applied", "invite"), 3: ("refused", "already-member")}
    assert office.apply(again).status == "done"
    assert office.outcomes(again)[2] == ("refused", "already-invited")
    assert len(office.invitations()) == 1


def test_who_lost_the_right_meanwhile_imports_nobody(office: Office) -> None:
    helper = helper_of(office)
    job = office.stage(PLAIN, helper)
    office.imports.apply(office.tenant_id, helper, job.id)
    account = office.house.accounts.find_by_email("hilde@nord.example")
    assert account is not None
    office.house.accounts.lock(account.id)
    office.run()
    stopped = office.again(job)
    assert (stopped.status, stopped.options["stopped"]) == ("paused", "refused")
    assert office.invitations() == []
    assert office.apply(stopped).status == "done"
    assert len(office.invitations()) == 2


def test_pause_and_resume(office: Office) -> None:
    lines = "".join(f"p{n}@nord.example\n" for n in range(500))
    job = office.stage(f"E-Mail\n{lines}")
    office.imports.apply(office.tenant_id, office.admin, job.id)
    assert office.imports.worker.work()
    office.imports.pause(office.tenant_id, office.admin, job.id)
    assert not office.imports.worker.work()
    paused = office.again(job)
    assert (paused.status, paused.applied, paused.ready) == ("paused", 200, 300)
    assert office.apply(paused).applied == 500
    assert len(office.invitations()) == 500
    with pytest.raises(ImportRefused):
        office.imports.pause(office.tenant_id, office.admin, job.id)
    with pytest.raises(ImportRefused):
        office.imports.apply(office.tenant_id, office.admin, job.id)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_that_dies_in_a_transaction_loses_and_doubles_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    job = office.stage("E-Mail\n" + "".join(f"p{n}@nord.example\n" for n in range(450)))
    office.imports.apply(office.tenant_id, office.admin, job.id)

    class Killed(BaseException):
        """No handler of ours catches it, as none catches a kill."""

    import idp.people.imports.applying as applying

    real = applying.insert if moment == "before" else applying.update
    calls = []

    def dying(target: Any) -> Any:
        calls.append(target)
        if len(calls) == 2:
            raise Killed
        return real(target)

    name = "insert" if moment == "before" else "update"
    monkeypatch.setattr(applying, name, dying)
    with pytest.raises(Killed):
        office.run()
    monkeypatch.undo()
    assert len(office.invitations()) == office.again(job).applied == 200
    office.run()
    assert office.again(job).status == "done"
    emails = [invitation.email for invitation in office.invitations()]
    assert len(emails) == len(set(emails)) == 450


def test_a_file_that_breaks_the_worker_holds_nobody_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = office.stage(PLAIN, checked=False)
    with transaction() as session:
        session.get_one(ImportLine, (first.id, 2)).data = {}
    second = office.stage(PLAIN.replace("nord", "sued"))
    assert second.ready == 2
    assert office.again(first).options["stopped"] == "failed"


# -- the same mail in two products --------------------------------------------------------


def test_one_person_of_two_products(office: Office) -> None:
    hr = office.stage(PLAIN, product="hr")
    office.apply(hr)
    payroll = office.stage(PLAIN.replace("Berg", "Borg"), product="payroll")
    assert office.outcomes(payroll) == {2: ("ready", "merge"), 3: ("collision", "collision")}
    (clash,) = list_lines(payroll, ("collision",))
    assert (clash.name, clash.other_name) == ("Bo Borg", "Bo Berg")
    assert clash.problems[0]["product"] == "hr"
    office.apply(payroll)
    anna, bo = office.invitations()
    assert anna.products == ["hr", "payroll"]
    assert bo.products == ["hr"]
    assert office.imports.decide(office.tenant_id, office.admin, payroll.id, True, line=3) == 1
    office.apply(payroll)
    assert [i.products for i in office.invitations()] == [["hr", "payroll"]] * 2
    office.undo(payroll)
    assert [i.products for i in office.invitations()] == [["hr"]] * 2
    office.undo(hr)
    assert office.invitations() == []


def test_a_collision_can_be_left_alone(office: Office) -> None:
    office.stage(PLAIN, product="hr")
    job = office.stage(PLAIN.replace("Berg", "Borg"), product="payroll")
    assert office.imports.decide(office.tenant_id, office.admin, job.id, False) == 1
    office.apply(job)
    assert office.outcomes(job) == {2: ("applied", "invite"), 3: ("skipped", "collision")}


def test_somebody_who_has_arrived_gets_the_second_product(office: Office) -> None:
    office.apply(office.stage(PLAIN, product="hr"))
    with transaction() as session:
        anna = session.query(Invitation).filter_by(email="anna@nord.example").one()
        anna.accepted_at = office.house.clock.now()
    tenant = office.house.tenants.get(office.tenant_id)
    account, membership = office.house.member(tenant, "anna@nord.example")
    office.house.tenants.memberships.set_products(tenant.id, membership.id, ["hr"])
    office.apply(office.stage(PLAIN, product="payroll"))
    found = office.house.tenants.memberships.find(tenant.id, account.id)
    assert found is not None
    assert found.products == ["hr", "payroll"]
    assert [i.products for i in office.invitations()] == [["hr"], ["hr", "payroll"]]


# -- taking it back -----------------------------------------------------------------------


def test_undo_removes_what_nobody_was_told_of_and_revokes_what_was_sent(office: Office) -> None:
    job = office.stage(PLAIN)
    office.apply(job)
    with transaction() as session:
        bo = session.query(Invitation).filter_by(email="bo@nord.example").one()
        bo.sent_at = office.house.clock.now()
    undone = office.undo(job)
    assert (undone.status, undone.applied) == ("undone", 0)
    (left,) = office.invitations()
    assert left.email == "bo@nord.example"
    assert left.revoked_at is not None
    assert {outcome for outcome, _ in office.outcomes(job).values()} == {"undone"}


def test_who_was_removed_meanwhile_does_not_stop_it(office: Office) -> None:
    office.apply(office.stage(PLAIN, product="hr"))
    tenant = office.house.tenants.get(office.tenant_id)
    _, membership = office.house.member(tenant, "anna@nord.example")
    members = office.house.tenants.memberships
    members.set_products(tenant.id, membership.id, ["hr"])
    with transaction() as session:
        arrived = session.query(Invitation).filter_by(email="anna@nord.example").one()
        arrived.accepted_at = office.house.clock.now()
    payroll = office.stage(PLAIN, product="payroll")
    office.apply(payroll)
    assert members.get(tenant.id, membership.id).products == ["hr", "payroll"]
    members.set_status(tenant.id, membership.id, "removed", event="member.removed")
    undone = office.undo(payroll)
    assert (undone.status, undone.options["stopped"]) == ("undone", "")


def test_who_has_moved_in_stays_and_is_told_of(office: Office) -> None:
    job = office.stage(PLAIN)
    office.apply(job)
    with transaction() as session:
        anna = session.query(Invitation).filter_by(email="anna@nord.example").one()
        anna.sent_at = anna.accepted_at = office.house.clock.now()
    undone = office.undo(job)
    assert (undone.status, undone.applied) == ("undone", 1)
    (kept,) = list_lines(undone, ("kept",))
    assert kept.email == "anna@nord.example"


def test_an_undo_that_is_killed_goes_on(office: Office) -> None:
    job = office.stage("E-Mail\n" + "".join(f"p{n}@nord.example\n" for n in range(450)))
    office.apply(job)
    office.imports.undo(office.tenant_id, office.admin, job.id)
    assert office.imports.worker.work()
    assert len(office.invitations()) == 250
    office.run()
    assert office.invitations() == []
    assert office.again(job).status == "undone"


def test_after_the_cut_over_nothing_is_taken_back(office: Office) -> None:
    job = office.stage(PLAIN)
    office.apply(job)
    office.house.clock.forward(minutes=1)
    with transaction():
        tenant = office.house.tenants.get(office.tenant_id)
        tenant.cutover_at = office.house.clock.now()
    office.house.clock.forward(minutes=1)
    with pytest.raises(ImportRefused) as refused:
        office.imports.undo(office.tenant_id, office.admin, job.id)
    assert refused.value.code == "import-after-cutover"
    later = office.apply(office.stage("E-Mail\nneu@nord.example\n"))
    assert office.undo(later).status == "undone"


def test_files_nobody_applied_are_forgotten(office: Office) -> None:
    dropped, kept, done = office.stage(PLAIN), office.stage(PLAIN), office.stage(PLAIN)
    office.imports.discard(office.tenant_id, office.admin, dropped.id)
    with pytest.raises(UnknownImport):
        office.again(dropped)
    office.apply(done)
    office.house.clock.forward(days=31)
    office.imports.worker.purge()
    with pytest.raises(UnknownImport):
        office.again(kept)
    assert office.outcomes(done)
    office.house.clock.forward(days=60)
    office.imports.worker.purge()
    assert office.again(done).applied == 2
    assert office.outcomes(done) == {}
