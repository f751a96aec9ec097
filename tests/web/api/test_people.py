"""People and invitations through the API."""

from __future__ import annotations

from tests.web.api.conftest import Api


def test_people_are_listed_page_by_page(api: Api) -> None:
    for n in range(5):
        api.front.member(api.number, f"p{n}@nord.example", "employee")
    first = api.call("GET", api.at("/people?limit=3&sort=last-sign-in&order=descending"))
    assert first.status_code == 200
    assert first.json["total"] == 7
    seen = [row["id"] for row in first.json["items"]]
    link = first.headers["Link"]
    assert link.endswith('; rel="next"')
    while link:
        path = link[1:].partition(">")[0].partition("/api/v1")[2]
        page = api.call("GET", path, status=200)
        seen += [row["id"] for row in page.json["items"]]
        link = page.headers.get("Link", "")
    assert len(seen) == len(set(seen)) == 7


def test_who_is_searched_for_is_found(api: Api) -> None:
    found = api.get(api.at("/people?search=erik&role=employee"))
    assert [row["email"] for row in found["items"]] == ["erik@nord.example"]
    table = api.call("GET", api.at("/people.csv?role=employee"), status=200)
    assert "erik@nord.example" in table.text
    assert "anna@nord.example" not in table.text
    assert api.get(api.at("/people?second_factor=missing"))["total"] == 1
    assert api.get(api.at(f"/people/{api.member}"))["role"] == "employee"


def test_a_person_is_changed_locked_and_removed(api: Api) -> None:
    path = api.at(f"/people/{api.member}")
    changed = api.call(
        "PATCH", path, status=200, json={"role": "admin", "permissions": ["hr.team.read"]}
    )
    assert changed.json["role"] == "admin"
    assert changed.json["permissions"] == ["hr.team.read"]
    assert api.call("POST", f"{path}/lock", status=200, json={"reason": "x"}).json["status"] == (
        "locked"
    )
    assert api.get(f"{path}/told") == {"items": []}
    assert api.call("POST", f"{path}/told/retry", status=200).json == {"notices": 0}
    assert api.call("POST", f"{path}/unlock", status=200).json["status"] == "active"
    api.call("POST", f"{path}/reset-factors", status=204)
    api.call("DELETE", path, status=204)
    api.call("DELETE", path, status=404)
    by = {record["actor"] for record in api.audited() if record["event"].startswith("member.")}
    assert "cli" in by


def test_a_change_is_made_whole_or_not_at_all(api: Api) -> None:
    answer = api.call(
        "PATCH",
        api.at(f"/people/{api.member}"),
        status=422,
        json={"role": "admin", "permissions": ["hr.nothing"]},
    )
    assert answer.json["errors"][0]["field"] == "permissions"
    assert api.get(api.at(f"/people/{api.member}"))["role"] == "employee"


def test_the_last_admin_stays(api: Api) -> None:
    answer = api.call("POST", api.at(f"/people/{api.boss}/lock"), status=409)
    assert answer.json["type"] == "urn:einlass:problem:last-admin"
    assert answer.content_type == "application/problem+json"


def test_invitations(api: Api) -> None:
    person = {"email": "Neu@nord.example", "given_name": "Nele", "family_name": "Neu"}
    made = api.call("POST", api.at("/invitations"), status=201, json=person)
    assert made.headers["Location"].endswith(f"/invitations/{made.json['id']}")
    assert "hr.profile.read" in made.json["permissions"]
    assert [row["id"] for row in api.get(api.at("/invitations"))["items"]] == [made.json["id"]]
    again = api.call("POST", api.at("/invitations"), status=409, json=person)
    assert again.json["type"] == "urn:einlass:problem:already-invited"
    one = api.at(f"/invitations/{made.json['id']}")
    api.call("POST", f"{one}/resend", status=200)
    api.call("DELETE", one, status=204)
    api.call("POST", f"{one}/resend", status=404)
    api.call("PUT", api.at("/products"), status=200, json={"products": ["hr"]})
    wrong = api.call("POST", api.at("/invitations"), status=422, json=person | {"products": ["x"]})
    assert wrong.json["errors"][0]["field"] == "products"
    some = api.call("POST", api.at("/invitations"), status=201, json=person | {"products": ["hr"]})
    assert (made.json["products"], some.json["products"]) == (None, ["hr"])


def test_who_waits_is_let_in(api: Api) -> None:
    front = api.front
    front.account("w@nord.example")
    account = front.services.accounts.find_by_email("w@nord.example")
    assert account is not None
    front.services.joining.join(account.id, api.number, ip="127.0.0.1")
    (waiting,) = api.get(api.at("/people?status=waiting"))["items"]
    path = api.at(f"/people/{waiting['id']}/admit")
    granted = {"permissions": ["hr.team.read"]}
    admitted = api.call("POST", path, status=200, json=granted).json
    assert (admitted["status"], admitted["permissions"]) == ("active", ["hr.team.read"])
    api.call("POST", path, status=404)
    api.call("POST", api.at(f"/people/{waiting['id']}/send-away"), status=404)


def test_who_waits_is_sent_away(api: Api) -> None:
    front = api.front
    front.account("w@nord.example")
    account = front.services.accounts.find_by_email("w@nord.example")
    assert account is not None
    front.services.joining.join(account.id, api.number, ip="127.0.0.1")
    (waiting,) = api.get(api.at("/people?status=waiting"))["items"]
    path = api.at(f"/people/{waiting['id']}/send-away")
    api.call("POST", path, status=204, json={"reason": "nobody knows them"})
    assert api.audited()[-1]["detail"]["reason"] == "nobody knows them"
    api.call("POST", path, status=404)


def test_several_people_at_once(api: Api) -> None:
    stranger, nobody = api.front.member("087654321", "s@sued.example", "employee"), "0" * 32
    ids = [api.boss, api.member, stranger, nobody, api.member]
    wanted = {"action": "lock", "ids": ids, "reason": "left"}
    bound = api.token("einlass:people.write", company=api.number)
    said = api.call("POST", api.at("/people/bulk"), bound, 200, json=wanted).json["items"]
    assert [tuple(one.values()) for one in said] == [
        (api.boss, "refused", "last-admin"),
        (api.member, "done", ""),
        (stranger, "unknown", ""),
        (nobody, "unknown", ""),
    ]
    assert api.get(api.at(f"/people/{api.member}"))["status"] == "locked"
    again = api.call("POST", api.at("/people/bulk"), bound, 200, json=wanted).json["items"]
    assert again[1]["reason"] == "locked-already"
    back = {"action": "unlock", "ids": [api.member]}
    assert api.call("POST", api.at("/people/bulk"), bound, 200, json=back).json["items"][0] == {
        "id": api.member,
        "outcome": "done",
        "reason": "",
    }
    reminded = {"action": "remind", "ids": [api.boss, api.member]}
    said = api.call("POST", api.at("/people/bulk"), bound, 200, json=reminded).json["items"]
    assert [one["reason"] for one in said] == ["", "nothing-missing"]
    for wrong in ([], [f"{n:032x}" for n in range(201)]):
        answer = api.call("POST", api.at("/people/bulk"), json={"action": "lock", "ids": wrong})
        assert answer.json["errors"][0]["field"] == "ids"
    table = api.call("GET", api.at(f"/people.csv?id={api.member}"), status=200).text
    assert "erik@nord.example" in table
    assert "anna@nord.example" not in table
