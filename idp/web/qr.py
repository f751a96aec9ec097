"""QR codes as inline SVG: dark on light in either colour scheme, since scanners want it so."""

from io import BytesIO

from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    """The text as an SVG element without inline style, three pixels a module."""
    # Imported here: a QR code is drawn once for each app that is set up.
    import segno

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out,
        kind="svg",
        scale=4,
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        svgclass="qr",
        lineclass=None,
        omitsize=True,
        nl=False,
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - made by us from a QR matrix
