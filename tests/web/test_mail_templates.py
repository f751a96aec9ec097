"""Every mail in every language."""

import pytest

from idp.infra.i18n import LOCALES
from idp.infra.mail_templates import MAILS, render_mail
from tests.web.document import Document

VALUES = {
    "link": "https://login.vendor.example/x/" + "a" * 43,
    "reset_link": "https://login.vendor.example/x/" + "a" * 43,
    "minutes": 60,
    "days": 7,
    "code": "123456",
    "tenant_name": "Nord & Söhne GmbH",
    "until": "2026-12-05T13:00:00+00:00",
    "person_name": "Mara",
    "person_email": "mara@nord.example",
    "reason": "Seetaucher",
    "passkey_name": "YubiKey 5",
    "factor": "totp",
    "text": "Kann ich Payroll haben?",
    "comment": "Kalender",
    "email": "ida@nord.example",
    "way": "existing",
    "cutover": "2026-12-20T23:00:00+00:00",
}
MORE = {
    "given_name": "Ida",
    "ip": "192.0.2.7",
    "inviter": "Anna Admin",
    "product": "Payroll",
    "by": "Anna",
    "device": "X",
    "at": "2026-03-24T13:05:00+00:00",
    "removed": True,
    "factor": "totp",
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", MAILS)
def test_mail(name, locale):
    least = {key: VALUES[key] for key in MAILS[name]}
    for values in (least, VALUES | MORE, VALUES | MORE | {"by": "", "ip": "", "given_name": ""}):
        mail = render_mail(name, locale, values)
        assert 5 < len(mail.subject) < 78
        assert "\n" not in mail.subject
        assert max(map(len, mail.text.splitlines())) < 998
        assert "&amp;" not in mail.text
        assert Document(mail.html).all("html")[0].get("lang") == locale
        assert "<img" not in mail.html
        assert "http" not in mail.html.replace(str(VALUES["link"]), "")
        for part in (mail.text, mail.html):
            assert ("192.0.2.7" in part) == bool(values.get("ip"))
            for key in MAILS[name] - {"tenant_name", "until", "factor", "way", "cutover"}:
                assert str(VALUES[key]) in part or key == "code"
    if locale != "en":
        assert render_mail(name, "en", least).text != mail.text


def test_mail_without_what_it_needs_is_refused():
    with pytest.raises(LookupError):
        render_mail("password-reset", "en", {"minutes": 60})
    with pytest.raises(LookupError):
        render_mail("no-such-mail", "en", {})


def test_values_cannot_break_out_of_a_mail():
    mail = render_mail(
        "invitation",
        "de",
        {"link": "https://x.example/", "days": 7, "tenant_name": "A\r\nBcc: <b>", "inviter": "<i>"},
    )
    assert "\n" not in mail.subject
    assert "<b>" not in mail.html
    assert "<i>" not in mail.html


def test_a_reminder_says_until_when():
    values = {key: VALUES[key] for key in MAILS["enrol-reminder"]} | {"zone": "Europe/Berlin"}
    in_time = render_mail("enrol-reminder", "de", values | {"deadline": VALUES["until"]})
    assert "5. Dezember 2026, 14:00 MEZ" in in_time.html
    overdue = render_mail("enrol-reminder", "de", values | {"overdue": True})
    assert "MEZ" not in overdue.html
    assert overdue.text != render_mail("enrol-reminder", "de", values).text
    granted = render_mail(
        "bypass-granted", "en", {"tenant_name": "Nord GmbH", "until": VALUES["until"]}
    )
    assert "5 December 2026, 14:00 CET" in granted.html
