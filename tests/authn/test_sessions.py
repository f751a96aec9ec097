"""Session records: their cookie, their lifetimes, renewal, and every way to end them."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from idp.authn.sessions import EndedSession, Session, Sessions, merge_proofs
from idp.authn.steps import Proof
from idp.core.vocabulary import Factor
from idp.infra.database import transaction
from tests.authn.door import Door

SUBJECT = "ab" * 16


@pytest.fixture
def sessions(door: Door) -> Sessions:
    return door.sessions


def start(door: Door, subject: str = SUBJECT, **more: Any) -> tuple[Session, str]:
    proofs = (Proof(Factor.PASSWORD, door.house.clock.now()),)
    return door.sessions.start(subject=subject, account_id="a", proofs=proofs, **more)


def test_a_session_reads_back_as_it_was_started(door: Door, sessions: Sessions) -> None:
    session, cookie = start(
        door,
        tenant_id="t",
        user_agent="Firefox",
        ip="192.0.2.1",
        postponed=True,
        remembered_since=door.house.clock.now(),
    )
    assert sessions.load(cookie) == session
    assert cookie.startswith(f"{SUBJECT}.")
    # What is stored does not open it.
    token = cookie.split(".")[1]
    found = sessions.key_from_cookie(cookie)
    assert found is not None
    assert token not in found[0]
    assert token.encode() not in session.raw
    assert sessions.load(f"{SUBJECT}.{session.digest[:43]}") is None


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        SUBJECT,
        f"{SUBJECT}.",
        f"{SUBJECT}.short",
        f"{'AB' * 16}.{'x' * 43}",
        f"{SUBJECT}.{'x' * 43}.",
        f"{SUBJECT}.{'x' * 42}}}",
        f"*.{'x' * 43}",
        f"{SUBJECT}\n.{'x' * 43}",
    ],
)
def test_no_cookie_of_ours(sessions: Sessions, cookie: str) -> None:
    assert sessions.key_from_cookie(cookie) is None
    assert sessions.load(cookie) is None


def test_idle_and_absolute_lifetime(door: Door, sessions: Sessions) -> None:
    lifetimes = door.house.settings.lifetimes
    session, cookie = start(door)
    for _ in range(3):
        door.house.clock.forward(seconds=lifetimes.session_idle - 60)
        found = sessions.load(cookie)
        if door.house.clock.now() - session.created_at >= timedelta(days=1):
            break
        assert found is not None
        sessions.touch(found)
    assert sessions.load(cookie) is None
    _, idle = start(door)
    door.house.clock.forward(seconds=lifetimes.session_idle)
    assert sessions.load(idle) is None


def test_touch_writes_every_few_minutes_and_never_revives(door: Door, sessions: Sessions) -> None:
    session, cookie = start(door)
    door.house.clock.forward(seconds=200)
    sessions.touch(session)
    assert sessions.load(cookie) == session
    door.house.clock.forward(seconds=200)
    sessions.touch(session)
    touched = sessions.load(cookie)
    assert touched is not None
    assert touched.last_seen == door.house.clock.now()
    sessions.end(touched)
    door.house.clock.forward(seconds=400)
    sessions.touch(touched)
    assert sessions.load(cookie) is None


def test_raising_changes_the_token(door: Door, sessions: Sessions) -> None:
    session, cookie = start(door)
    door.house.clock.forward(minutes=1)
    proof = Proof(Factor.TOTP, door.house.clock.now())
    raised = sessions.raise_assurance(session, proofs=(proof,), tenant_id="t2")
    assert raised is not None
    assert sessions.load(cookie) is None
    found = sessions.load(raised[1])
    assert found is not None
    assert (found.sid, found.tenant_id) == (session.sid, "t2")
    assert found.proofs == (*session.proofs, proof)
    assert found.auth_time == session.auth_time
    # From an older copy it still works on the record as it is now.
    again = sessions.raise_assurance(session)
    assert again is not None
    assert again[0].proofs == found.proofs
    assert sessions.load(raised[1]) is None
    assert [s.digest for s in sessions.list(SUBJECT)] == [again[0].digest]


def test_an_ended_session_is_not_raised_from_the_dead(
    door: Door, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = start(door)
    sessions.end(session)
    assert sessions.raise_assurance(session) is None
    assert sessions.list(SUBJECT) == []
    # Nor when it ends in the middle of it.
    session, _ = start(door)
    keep = sessions._keep

    def slowly(value: Session) -> tuple[Session, str]:
        monkeypatch.undo()
        sessions.end(session)
        return keep(value)

    monkeypatch.setattr(sessions, "_keep", slowly)
    assert sessions.raise_assurance(session) is None
    assert sessions.list(SUBJECT) == []


def test_ending_tells_the_clients_and_marks_the_sid(door: Door, sessions: Sessions) -> None:
    told: list[EndedSession] = []
    sessions.on_end.append(told.append)
    session, cookie = start(door)
    store = door.house.store
    store.hash_put(f"sid-clients:{session.sid}", "hr", orjson.dumps({"sub": "x"}), 600)
    sessions.end(session)
    assert told == [EndedSession(session, {"hr": {"sub": "x"}})]
    assert sessions.load(cookie) is None
    assert store.get(f"ended:{session.sid}") is not None
    assert store.hash_all(f"sid-clients:{session.sid}") == {}


def test_a_session_ends_with_the_commit_or_not_at_all(door: Door, sessions: Sessions) -> None:
    session, cookie = start(door)

    def fail() -> None:
        with transaction():
            sessions.end(session)
            assert sessions.load(cookie) is not None
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert sessions.load(cookie) is not None
    with transaction():
        sessions.end(session)
    assert sessions.load(cookie) is None


def test_ending_all_but_one(door: Door, sessions: Sessions) -> None:
    kept, kept_cookie = start(door)
    others = [start(door)[1] for _ in range(3)]
    stranger = start(door, subject="cd" * 16)[1]
    assert sessions.end_all(SUBJECT, keep=kept.sid) == 3
    assert [sessions.load(cookie) for cookie in others] == [None] * 3
    assert sessions.load(kept_cookie) == kept
    assert sessions.load(stranger) is not None
    assert sessions.end_all(SUBJECT) == 1
    assert sessions.list(SUBJECT) == []


def test_the_list_forgets_what_is_gone(door: Door, sessions: Sessions) -> None:
    first, _ = start(door)
    door.house.clock.forward(minutes=1)
    second, _ = start(door)
    assert [s.sid for s in sessions.list(SUBJECT)] == [second.sid, first.sid]
    door.house.store.delete(f"session:{{{SUBJECT}}}:{first.digest}")
    assert [s.sid for s in sessions.list(SUBJECT)] == [second.sid]
    assert list(door.house.store.hash_all(f"{{{SUBJECT}}}:sessions")) == [second.digest]


def test_merging_keeps_the_latest_of_each(door: Door) -> None:
    now = door.house.clock.now()
    old = Proof(Factor.PASSWORD, now - timedelta(hours=1))
    new = Proof(Factor.PASSWORD, now)
    totp = Proof(Factor.TOTP, now)
    assert merge_proofs((new, totp), (old,)) == (new, totp)
    assert merge_proofs((old,), (new,), ()) == (new,)


def test_what_a_browser_says_of_itself_is_cut(door: Door, sessions: Sessions) -> None:
    session, cookie = start(door, user_agent="x" * 1000, ip="y" * 100)
    assert (len(session.user_agent), len(session.ip)) == (400, 64)
    assert sessions.load(cookie) == session
