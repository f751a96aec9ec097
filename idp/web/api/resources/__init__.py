"""One module per resource; importing it enters its operations into the table."""

from idp.web.api.resources import invitations, people, token

MODULES = (token, people, invitations)
