import pytest

from idp.tenants import catalogue


def test_keys_are_unique_and_belong_to_a_product() -> None:
    keys = [permission.key for permission in catalogue.PERMISSIONS]
    assert len(keys) == len(set(keys))
    for permission in catalogue.PERMISSIONS:
        assert permission.product in catalogue.PRODUCT_KEYS | {catalogue.CONSOLE.key}
        assert permission.key.startswith(permission.product + ".")


def test_every_product_has_something_by_default_and_something_to_grant() -> None:
    for product in catalogue.PRODUCTS:
        own = [p for p in catalogue.PERMISSIONS if p.product == product.key]
        assert any(p.default for p in own)
        assert any(not p.default for p in own)


def test_default_permissions_concern_ones_own_data_only() -> None:
    groups = {p.group for p in catalogue.PERMISSIONS if p.default}
    assert groups == {"My data"}


def test_an_admin_holds_everything_of_the_booked_products() -> None:
    held = catalogue.effective_permissions("admin", [], ["hr"])
    assert held == tuple(p.key for p in catalogue.PERMISSIONS if p.product == "hr")


def test_an_employee_holds_what_is_granted_within_the_open_products() -> None:
    granted = ["payroll.payslip.read", "hr.profile.read"]
    assert catalogue.effective_permissions("employee", granted, ["hr"]) == ("hr.profile.read",)


def test_what_opens_the_console_is_apart_from_what_products_are_told() -> None:
    granted = ["company.people.manage", "hr.profile.read"]
    assert catalogue.effective_permissions("employee", granted, ["hr"]) == ("hr.profile.read",)
    assert catalogue.console_rights("employee", granted) == {"company.people.manage"}
    assert len(catalogue.console_rights("admin", [])) == 3


def test_permissions_are_checked_and_ordered() -> None:
    unordered = ["payroll.payslip.read", "hr.profile.read", "hr.profile.read"]
    assert catalogue.check_permissions(unordered) == ["hr.profile.read", "payroll.payslip.read"]
    with pytest.raises(catalogue.UnknownCatalogueEntry, match=r"hr\.everything"):
        catalogue.check_permissions(["hr.everything"])
    with pytest.raises(catalogue.UnknownCatalogueEntry):
        catalogue.check_products(["crm"])


def test_the_form_groups_what_is_booked() -> None:
    groups = catalogue.grouped_permissions({"payroll"})
    assert [(product.key, group) for product, group, _ in groups] == [
        ("payroll", "My data"),
        ("payroll", "Team"),
        ("payroll", "Organisation"),
        ("company", "Helping the admin"),
    ]
    assert all(entries for _, _, entries in groups)


def test_product_names() -> None:
    assert catalogue.product_name("hr") == "HR"
    assert catalogue.product_name("crm") == ""
    assert catalogue.product_name(None) == ""
