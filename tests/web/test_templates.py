"""Every page, drawn in every language from sample contexts, against the contract."""

import inspect
import re
from collections.abc import Iterator

import pytest

from idp.infra.i18n import LOCALES
from idp.web import contexts
from idp.web.brand import accent_css
from idp.web.contexts import Brand, Page
from idp.web.qr import qr_svg
from idp.web.render import STATIC, TEMPLATES, Renderer, static_url
from tests.web.document import Document
from tests.web.samples import FixedClock, samples

SAMPLES = samples()

RENDERER = Renderer(clock=FixedClock())


def draw(name: str, locale: str = "en") -> Document:
    return Document(html_of(name, locale))


def html_of(name: str, locale: str = "en") -> str:
    brand = Brand(name="Nord GmbH", accent="#B3261E")
    return RENDERER.page(SAMPLES[name], locale=locale, csrf_token="t0ken", brand=brand)


def every_page() -> Iterator[type[Page]]:
    for _, thing in inspect.getmembers(contexts, inspect.isclass):
        if issubclass(thing, Page) and hasattr(thing, "template") and thing.step:
            yield thing


def test_every_page_has_a_sample():
    drawn = {type(sample) for sample in SAMPLES.values()}
    plain = {contexts.Trouble, contexts.Halt}
    assert {page for page in every_page() if page not in plain} <= drawn


def test_every_template_belongs_to_a_page_or_a_mail():
    known = {page.template for page in every_page()} | {"base.html"}
    for file in TEMPLATES.rglob("*.html"):
        path = file.relative_to(TEMPLATES)
        if path.parts[0] in ("_macros", "email") or path.name.startswith("_"):
            continue
        assert str(path) in known, path


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SAMPLES)
def test_page_keeps_the_contract(name, locale):
    page, html = SAMPLES[name], html_of(name, locale)
    document = Document(html)
    (root,) = document.all("html")
    assert root.get("lang") == locale
    (main,) = document.all("main")
    assert main.get("data-step") == page.step
    assert page.step
    assert len(document.all("h1")) == 1
    (title,) = document.all("title")
    assert title.text.endswith("– Einlass")
    assert len(title.text) > len("– Einlass") + 2

    ids = [element.get("id") for element in document.elements if element.get("id")]
    assert len(ids) == len(set(ids)), "ids are unique"
    for element in document.elements:
        for reference in ("aria-describedby", "aria-labelledby", "aria-controls", "for"):
            for target in element.get(reference).split():
                assert target in ids, f"{reference}={target}"
    labelled = {label.get("for") for label in document.all("label")}
    for field in document.all("input") + document.all("select") + document.all("textarea"):
        if field.get("type") != "hidden" and "hidden" not in field.attributes:
            assert field.get("id") in labelled, field.attributes

    for form in document.all("form"):
        inside = [element for element in document.elements if form in element.inside]
        buttons = [element for element in inside if element.tag == "button"]
        assert all(button.get("type") in ("submit", "button") for button in buttons)
        assert any(button.get("type") == "submit" for button in buttons)
        if form.get("method") == "post" and name.split("-")[0] != "form":
            tokens = [element for element in inside if element.get("name") == "csrf_token"]
            assert [token.get("value") for token in tokens] == ["t0ken"]
    described = {
        id for element in document.elements for id in element.get("aria-describedby").split()
    }
    visible = [e for e in document.all("input") if e.get("type") != "hidden"]
    for alert in document.all("p", role="alert"):
        assert alert.get("id") in described or not visible, "an error is tied to its field"
    if any(page.errors) and hasattr(page, "email"):
        assert len([e for e in document.elements if "autofocus" in e.attributes]) == 1


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SAMPLES)
def test_page_has_nothing_inline(name, locale):
    for element in draw(name, locale).elements:
        assert element.tag != "style"
        assert element.tag != "script" or (element.get("src") and not element.text.strip())
        for attribute, value in element.attributes.items():
            assert attribute != "style"
            assert not attribute.startswith("on"), attribute
            assert not (value or "").lower().startswith("javascript:")


@pytest.mark.parametrize("locale", LOCALES)
def test_forms_a_program_fills_in(locale):
    def main_button(name):
        page = draw(name, locale)
        forms = [f for f in page.all("form", method="post") if "chip" not in f.get("class")]
        first = next(e for e in page.all("button", type="submit") if forms[0] in e.inside)
        assert "name" not in first.attributes, "the first button is what the Enter key presses"
        return page

    def action(page, value):
        return page.all("button", name="action", value=value)

    assert len(main_button("identify").fields("username")) == 1
    page = main_button("password")
    assert len(page.fields("current-password")) == 1
    assert action(page, "edit")
    page = main_button("second-factor")
    (code,) = page.fields("one-time-code")
    assert code.get("inputmode") == "numeric"
    assert action(page, "other-factor")
    assert page.all("input", name="remember_device", type="checkbox")
    assert not draw("second-factor-client", locale).all("input", name="remember_device")
    assert len(main_button("recovery-code").fields("one-time-code")) == 1
    page = main_button("enroll")
    assert page.all(id="totp-secret")[0].text.replace(" ", "") == "JBSWY3DPEHPK3PXP" * 2
    assert action(page, "later")
    assert not action(main_button("enroll-due"), "later")
    page = main_button("enroll-beside")
    assert page.all(id="totp-secret")
    assert len(page.fields("one-time-code")) == 1
    for key in ("passkey", "second-factor-passkey", "enroll-passkey"):
        assert main_button(key).all("input", name="credential", type="hidden")
    assert action(draw("passkey", locale), "other-factor")
    assert action(draw("passkey", locale), "edit")
    assert action(draw("password-or-passkey", locale), "other-factor")
    for sent in ("sms", "voice", "email"):
        page = main_button(f"second-factor-{sent}")
        assert page.fields("one-time-code")
        assert action(page, "resend")
        assert action(page, "other-factor")
    assert main_button("join-company").all("input", name="customer_number", value="0")
    page = main_button("recovery-codes")
    (codes,) = page.all(id="recovery-codes")
    assert len([e for e in page.all("li") if codes in e.inside]) == 10
    tenants = draw("tenant", locale).all("button", name="tenant")
    assert [button.get("value") for button in tenants] == ["012345678", "087654321"]
    page = draw("consent", locale)
    assert action(page, "allow")
    assert action(page, "deny")
    page = main_button("register")
    assert len(page.fields("new-password")) == 2
    assert len(page.fields("given-name")) == len(page.fields("family-name")) == 1
    assert page.fields("username")[0].attributes.keys() >= {"readonly"}
    page = main_button("verify-email")
    assert page.fields("one-time-code")
    assert action(page, "resend")
    assert len(main_button("password-reset").fields("new-password")) == 2
    assert main_button("password-forgot").fields("username")
    for halted in ("waiting", "locked", "not-booked", "no-company", "no-allowed-factor"):
        assert action(main_button(halted), "edit")
    assert action(main_button("logout"), "stay")
    assert main_button("form-post").all("input", name="code", value="abc")
    for signed_in in ("invite", "policy", "policy-preview", "client-form", "account-password"):
        page = draw(signed_in, locale)
        aside = ("/end-session", "/reminders")
        forms = [
            f
            for f in page.all("form", method="post")
            if not (f.get("action") or "").endswith(aside)
        ]
        first = next(e for e in page.all("button", type="submit") if forms[0] in e.inside)
        assert "name" not in first.attributes


def test_passwords_are_never_shown_again():
    for name in (
        "password-error",
        "password-reset-error",
        "register-error",
        "account-password-error",
    ):
        for field in draw(name).all("input", type="password"):
            assert "value" not in field.attributes


def test_markup_in_values_is_text():
    assert "<b>zzz" not in html_of("people-none-found")
    assert "&lt;b&gt;zzz" in html_of("people-none-found")
    hostile = contexts.Identify(entering=contexts.Entering(client_name="<script>x</script>"))
    assert "<script>x" not in RENDERER.page(hostile, locale="de")


def test_qr_code_has_no_inline_style():
    assert "style" not in qr_svg("otpauth://totp/x?secret=ABC")
    assert qr_svg("x").startswith("<svg")


def test_stylesheet_is_small():
    assert len((STATIC / "einlass.css").read_bytes()) < 24 * 1024


@pytest.mark.parametrize("name", ["identify", "password-error", "second-factor"])
@pytest.mark.parametrize("locale", LOCALES)
def test_first_load_of_the_login_is_light(name, locale):
    html = html_of(name, locale)
    weight = len(html.encode()) + len(accent_css("#b3261e"))
    for file in set(re.findall(r"/static/([\w.-]+)\?v=", html)):
        weight += len((STATIC / file).read_bytes())
    assert weight < 45 * 1024


def test_static_files_are_addressed_by_content():
    assert re.fullmatch(r"/static/einlass\.css\?v=[0-9a-f]{12}", static_url("einlass.css"))
