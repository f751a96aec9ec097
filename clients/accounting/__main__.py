"""``python -m clients.accounting``: serves the product as the file in ``PRODUCT_CONFIG`` says."""

from clients.accounting.app import create_app
from clients.shared.server import serve

if __name__ == "__main__":
    serve(create_app)
