"""One module per resource; importing it enters its operations into the table, in this order."""

from idp.web.api.resources import (  # isort: skip - the order of the document
    token,
    companies,
    people,
    invitations,
    admin_requests,
    policy,
    clients,
    application_passwords,
    log,
    imports,
    activation,
    platform,
)

MODULES = (
    token,
    companies,
    people,
    invitations,
    admin_requests,
    policy,
    clients,
    application_passwords,
    log,
    imports,
    activation,
    platform,
)
