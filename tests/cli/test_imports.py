"""``idp import``: from a file to invitations and back, from a terminal."""

import json
from pathlib import Path
from typing import Any

import bcrypt

from tests.cli.test_nouns import Run, idp  # noqa: F401 - a fixture

HASH = bcrypt.hashpw(b"altes-Kennwort-1", bcrypt.gensalt(4)).decode()
NORD = ("--tenant", "012345678")


def data(run: Run, *arguments: str, status: int = 0) -> Any:
    return json.loads(run("import", *arguments, "--json", status=status).stdout)


def test_a_file_from_start_to_undo(idp: Run, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "leute.csv"
    file.write_text(
        f"E-Mail;Vorname;Hash;bestätigt\nanna@nord.example;Anna;{HASH};ja\n"
        "bo@nord.example;=1;;\nbo@nord.example;Bo;;\n"
    )
    refused = idp("import", "start", str(file), *NORD, status=1)
    assert "only the operator" in refused.stderr
    job = data(idp, "start", str(file), *NORD, "--trusted", "--product", "hr")
    assert (job["status"], job["ready"], job["refused"]) == ("preview", 2, 1)
    problems = data(idp, "problems", job["id"], *NORD)
    assert problems[0]["problems"] == [{"field": "given_name", "code": "cell-formula"}]
    assert "'=1" in idp("import", "problems", job["id"], *NORD).stdout
    columns = ("--column", "email", "--column", "given_name", "--column", "-", "--column", "-")
    plain = data(idp, "options", job["id"], *NORD, *columns, "--permission", "hr.team.read")
    assert (plain["product"], plain["ready"]) == (None, 2)
    idp("import", "options", job["id"], *NORD, "--column", "email", status=1)
    idp("import", "options", job["id"], *NORD, "--permission", "hr.nothing", status=1)
    data(idp, "options", job["id"], *NORD, "--product", "hr")
    data(idp, "decide", job["id"], "skip", *NORD)
    other = data(idp, "start", str(file), *NORD, "--trusted")
    assert data(idp, "discard", other["id"], *NORD)["discarded"] is True
    idp("import", "discard", other["id"], *NORD, status=1)
    applied = data(idp, "apply", job["id"], *NORD)
    assert (applied["status"], applied["applied"]) == ("done", 2)
    idp("import", "apply", job["id"], *NORD, status=1)
    idp("import", "pause", job["id"], *NORD, status=1)
    assert data(idp, "resume", job["id"], *NORD)["status"] == "done"
    assert [one["id"] for one in data(idp, "list", *NORD)] == [job["id"]]
    undone = data(idp, "undo", job["id"], *NORD)
    assert (undone["status"], undone["undone"], undone["kept"]) == ("undone", 2, 0)
    assert "undone" in idp("import", "status", job["id"], *NORD).stdout
    idp("import", "status", "nothing", *NORD, status=1)
    idp("import", "start", str(file), "--tenant", "999999999", status=1)
    idp("import", "start", str(tmp_path / "none.csv"), *NORD, status=2)


def test_the_hook_of_a_product(idp: Run, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "leute.csv"
    file.write_text("E-Mail;bestätigt\nanna@nord.example;ja\n")
    start = ("start", str(file), *NORD, "--trusted", "--product", "hr", "--ask", "--apply")
    idp("import", *start, status=1)
    idp("import", "hook", "set", "hr", "ftp://old.example", status=1)
    made = data(idp, "hook", "set", "hr", "https://old.example/check")
    assert len(made["secret"]) > 30
    assert "secret" not in data(idp, "hook", "list")[0]
    assert data(idp, *start)["applied"] == 1
    assert data(idp, "hook", "remove", "hr")["removed"]
    idp("import", "hook", "remove", "hr", status=1)
