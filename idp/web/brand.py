"""A company's colour on our pages: a stylesheet that sets the accent, readable by calculation.

The colour itself fills buttons; the text on it is black or white, whichever contrasts more. Where
the colour is text (links) it is darkened or lightened until it reads on our paper in light and in
dark (WCAG 2.2 §1.4.3: 4.5 to 1).
"""

import colorsys
import re

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_LIGHT_PAPER, _DARK_PAPER = "f1efe9", "24282f"
"""The least favourable grounds of the stylesheet: the tint, in light and in dark."""
_INK_ON_LIGHT, _INK_ON_DARK = "000000", "ffffff"
_TEXT_CONTRAST = 4.5


def normalise_accent(text: str | None) -> str | None:
    """``#rrggbb`` in lower case, or None for anything else."""
    match = _HEX.fullmatch((text or "").strip())
    return f"#{match[1].lower()}" if match else None


def accent_path(accent: str) -> str:
    """Where the stylesheet of this accent is served."""
    return f"/brand/{accent.removeprefix('#')}.css"


def accent_css(accent: str) -> str:
    """The stylesheet that dresses a page in this colour.

    :raises ValueError: when it is not six hexadecimal digits.
    """
    colour = normalise_accent(accent)
    if colour is None:
        raise ValueError("not a colour of six hexadecimal digits")
    fill = colour[1:]
    rules = f"--accent:#{fill};--on-accent:#{text_on(fill)}"
    light, dark = readable_on(fill)
    return (
        f":root{{{rules};--accent-ink:#{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{rules};--accent-ink:#{dark}}}}}\n"
    )


def text_on(fill: str) -> str:
    """Black or white, whichever contrasts more with the colour; ``rrggbb`` both."""
    return max((_INK_ON_LIGHT, _INK_ON_DARK), key=lambda ink: contrast(fill, ink))


def readable_on(colour: str) -> tuple[str, str]:
    """The colour as text on our paper in light, and in dark; ``rrggbb`` all."""
    return readable(colour, _LIGHT_PAPER), readable(colour, _DARK_PAPER)


def readable(colour: str, ground: str) -> str:
    """The colour, moved in lightness only, until it can be read as text on the ground."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    step = 0.01 if _luminance(ground) < 0.2 else -0.01
    while contrast(colour, ground) < _TEXT_CONTRAST and 0 <= lightness <= 1:
        lightness += step
        rgb = colorsys.hls_to_rgb(hue, min(max(lightness, 0), 1), saturation)
        colour = "".join(f"{round(channel * 255):02x}" for channel in rgb)
    return colour


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two ``rrggbb`` colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
