"""What cannot be set up at a forced enrolment is refused in words, and nothing is left behind."""

from __future__ import annotations

from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from tests.web.matrix_lab import Shown, running_lab
from tests.web.matrix_rules import PASSKEY, Rule


def test_a_passkey_with_the_id_of_another(settings: Settings, store: EphemeralStore) -> None:
    with running_lab(settings, store) as lab:
        other = lab.somebody(lab.company(), [PASSKEY])
        person = lab.somebody(lab.company())
        lab.apply(Rule("everyone", "employee", "all", "none", "none"), person)
        address = lab.address(lab.clients[1])
        page = lab.walk(lab.browser().open(address), person, Shown())
        form = page.form(where=lambda form: "credential" in dict(form.fields))
        options = next(filter(None, (node.get("data-passkey-create") for node in page.root)))
        taken = person.key.create(options, credential_id=other.key.credentials[0].id)
        page = form.set("credential", taken).submit()
        assert (page.status, page.step) == (400, "enroll")
        assert "passkey" in page.alerts[0]
        done = lab.walk(lab.enroll(page, person)[0], person, Shown())
        assert "code" in done.params
