import pytest

from idp.infra.csv_files import BOM, csv_lines, safe_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1", "＝1"]
)
def test_a_formula_is_made_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;=1", "a;'=1"),
        ("a; =1", "a; '=1"),
        ("a\n=1", "a\n'=1"),
        ("\t=1", "'\t'=1"),
        ("a=b", "a=b"),
    ],
)
def test_nor_does_one_begin_where_other_spreadsheets_begin_a_cell(text: str, safe: str) -> None:
    assert safe_cell(text) == safe


def test_everything_else_stays_as_it_is() -> None:
    assert safe_cell("Müller, 'Hans'") == "Müller, 'Hans'"
    assert safe_cell(None) == ""
    assert safe_cell(-5) == "-5"


def test_the_file_says_its_encoding_and_quotes_what_needs_it() -> None:
    lines = list(csv_lines(["name", "note"], [["A;B", 'x, "y"\nz']]))
    assert lines == [f"{BOM}name,note\r\n", 'A;B,"x, ""y""\nz"\r\n']
