"""``idp catalogue``: the products there are, and what can be granted to people."""

from dataclasses import asdict

import click

from idp.cli.context import answer, json_option, rows
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS


@click.command()
@json_option
def catalogue(as_json: bool) -> None:
    """List products and permissions by their keys; company.… are rights of the console."""
    data = {
        "products": [asdict(product) for product in PRODUCTS],
        "permissions": [asdict(permission) for permission in PERMISSIONS],
    }

    def text() -> None:
        rows("Products", {"key": "Key", "label": "Name"}, data["products"])
        rows("Permissions", {"key": "Key", "label": "Name"}, data["permissions"])

    answer(data, as_json, text)
