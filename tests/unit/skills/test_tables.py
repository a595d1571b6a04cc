from pathlib import Path

import pytest
from careweave_skills.sources.tables import Notes, TableFile, digest, rows

from careweave.errors import InvalidArgument


def read(content: bytes, *columns: str, ragged: bool = False) -> tuple[list[list[str]], Notes]:
    notes = Notes()
    return [values for _, values in rows(TableFile("t.csv", content), columns, notes, ragged=ragged)], notes


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    table = TableFile("t.csv", b'a,b\n1,"x\ny"\n2,z\n')
    assert [(row.number, values) for row, values in rows(table, ["b"], Notes())] == [(2, ["x\ny"]), (3, ["z"])]


def test_a_row_that_is_not_utf_8_is_left_out_and_shown() -> None:
    found, notes = read(b"a,b\n1,fine\n2,caf\xe9\n3,fine\n", "a")
    assert found == [["1"], ["3"]]
    assert [(note.row, note.reason) for note in notes.dropped] == [(3, "not valid UTF-8")]
    assert "\\udce9" in notes.dropped[0].value


def test_a_row_with_a_control_character_is_left_out_and_shown() -> None:
    found, notes = read(b"a,b\n1,bell\x07\n2,nul\x00\n3,fine\n", "a")
    assert found == [["3"]]
    assert [note.reason for note in notes.dropped] == ["control character"] * 2
    assert "\\x07" in notes.dropped[0].value


def test_a_row_of_another_width_is_left_out() -> None:
    found, notes = read(b"a,b\n1\n2,x,y\n3,z\n\n", "a", "b")
    assert found == [["3", "z"]]
    assert [note.value for note in notes.dropped] == ["1 fields", "3 fields"]


def test_short_rows_are_filled_up_where_the_source_is_ragged() -> None:
    found, notes = read(b"a,b\n1\n", "a", "b", ragged=True)
    assert found == [["1", ""]]
    assert not notes.dropped


@pytest.mark.parametrize("content", [b'a,b\n1,"never closed\n2,x\n', b"a,b\n1," + b"x" * 200_000 + b"\n"])
def test_broken_csv_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"t\.csv is broken as CSV near line \d+"):
        read(content, "a")


def test_an_empty_file_lacks_its_columns() -> None:
    with pytest.raises(InvalidArgument, match="lacks the column a, b"):
        read(b"", "a", "b")


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read(b"\xef\xbb\xbfa\n1\n", "a")[0] == [["1"]]


def test_the_digest_changes_with_one_byte_and_with_the_importer(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a\n1\n")
    before = digest("1", file)
    assert digest("1", file) == before
    assert digest("2", file) != before
    file.write_bytes(b"a\n2\n")
    assert digest("1", file) != before
