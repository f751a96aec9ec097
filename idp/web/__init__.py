"""The Flask face of Einlass: views, pages, security headers."""
