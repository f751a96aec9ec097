"""A company's colour can be read on every ground, and is nothing but a colour."""

import re

import pytest

from idp.web.brand import accent_css, contrast, normalise_accent, readable


@pytest.mark.parametrize(
    "colour", ["#ffd400", "#0e5a6b", "#000000", "#ffffff", "#7f7f7f", "#ff0000"]
)
def test_accent_can_be_read(colour):
    css = accent_css(colour)
    (fill, ink), *_ = re.findall(r"--accent:#(\w{6});--on-accent:#(\w{6})", css)
    assert contrast(fill, ink) >= 4.5
    light, dark = re.findall(r"--accent-ink:#(\w{6})", css)
    assert min(contrast(light, ground) for ground in ("faf9f6", "f1efe9", "ffffff")) >= 4.5
    assert min(contrast(dark, ground) for ground in ("15171b", "1d2025", "24282f")) >= 4.5


def test_accent_takes_colours_only():
    assert normalise_accent(" #AbCdEf ") == "#abcdef"
    assert normalise_accent("red;}body{display:none") is None
    assert normalise_accent(None) is None
    with pytest.raises(ValueError, match="hexadecimal"):
        accent_css("#fff}")
    assert readable("0e5a6b", "faf9f6") == "0e5a6b"
