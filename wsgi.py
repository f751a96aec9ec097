"""For any WSGI server: ``wsgi:app``. ``idp serve`` brings its own, and the delivery worker."""

from idp.app import create_app
from idp.settings import Settings

app = create_app(Settings.from_env())
