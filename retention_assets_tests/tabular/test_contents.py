"""Bytes become text: each packing and encoding, and what is refused by name."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.contents import decode, unpack

TEXT = "id,city\n1,Zürich €\n"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("pack", "packing"),
    [
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda data: zipped(table=data), "zip"),
        (lambda data: zipped(table=gzip.compress(data)), "zip, gzip"),
        (lambda data: data, ""),
    ],
    ids=["gzip", "bzip2", "xz", "zip", "gzip in zip", "plain"],
)
def test_file_is_unpacked_by_its_content(pack: Callable[[bytes], bytes], packing: str) -> None:
    assert unpack("t.csv", pack(TEXT.encode())) == (TEXT.encode(), packing)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 workbook", "is an Excel file.*Save the sheet as CSV"),
        (zipped(**{"xl/workbook.xml": b"<x/>"}), "spreadsheet.*Save the sheet as CSV"),
        (zipped(a=b"1", b=b"2"), "zip archive of 2 files.*Unpack it"),
        (gzip.compress(TEXT.encode())[:-9], "cannot be unpacked as gzip"),
        (b"PK\x03\x04 broken", "cannot be unpacked as zip"),
    ],
    ids=["xls", "xlsx", "two members", "cut off", "broken zip"],
)
def test_sheet_or_broken_archive_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        unpack("t.csv", data)


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_encoding_is_detected_and_named(codec: str, encoding: str) -> None:
    content = decode("t.csv", TEXT.encode(codec))
    assert (content.text, content.encoding) == (TEXT, encoding)


def test_stated_encoding_is_used() -> None:
    assert decode("t.csv", TEXT.replace("€", "").encode("cp850"), "cp850").text == (
        TEXT.replace("€", "")
    )


@pytest.mark.parametrize(
    ("data", "encoding", "message"),
    [
        (b"id,city\n1,Z\x81rich\n", None, "line 2: the byte 0x81 is neither UTF-8 nor cp1252"),
        ("é,ü,ö\n".encode() + b"Z\xfcrich\n", None, "line 2: the byte 0xFC is not UTF-8, although"),
        (b"id\n\xfc\n", "utf-8", "line 2: the byte 0xFC is not utf-8.*--encoding"),
        (b"id\n1\n", "utf-99", "no encoding utf-99"),
        (b"id\x00\x01\x02\x03\n", None, "is no text: line 1 has the control character 0x00"),
        (b"<html><table></table>", None, "is a web page"),
    ],
    ids=["undefined byte", "one broken line", "not as stated", "no such codec", "binary", "html"],
)
def test_undecodable_file_is_refused(data: bytes, encoding: str | None, message: str) -> None:
    with pytest.raises(TableError, match=message):
        decode("t.csv", data, encoding)
