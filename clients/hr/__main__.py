"""``python -m clients.hr``: serves the product as the file in ``PRODUCT_CONFIG`` says."""

from clients.hr.app import create_app
from clients.shared.server import serve

if __name__ == "__main__":
    serve(create_app)
