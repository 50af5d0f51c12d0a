"""The text of a file: unpacked and decoded by what its bytes are, not by its name.

A byte that fits no encoding is refused; none becomes a replacement character.
"""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass

from retention_assets.errors import TableError

PARQUET = b"PAR1"
XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
SPREADSHEET_PARTS = ("xl/", "[Content_Types].xml", "mimetype")  # of .xlsx, .xlsb and .ods
PACKERS = (
    (b"\x1f\x8b", "gzip", gzip.decompress),
    (b"BZh", "bzip2", bz2.decompress),
    (b"\xfd7zXZ\x00", "xz", lzma.decompress),
)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# In UTF-16 every second byte of Latin text is zero; binary formats have fewer at fixed places.
MOSTLY_ZERO = 0.6
SAMPLE = 4096
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
SAVE_AS_CSV = "Save the sheet as CSV (in Excel: Save As, CSV UTF-8) and give that file."


@dataclass(frozen=True)
class FileText:
    """`encoding` and `packing` as a reader would say them; `packing` is empty for a plain file."""

    text: str
    encoding: str
    packing: str


def unpack(name: str, data: bytes) -> tuple[bytes, str]:
    """The bytes inside, and how they were packed. Raises TableError for sheets and archives."""
    packing = ""
    while True:
        if data.startswith(XLS):
            raise TableError(f"{name} is an Excel file.", SAVE_AS_CSV)
        packer = next((row for row in PACKERS if data.startswith(row[0])), None)
        if packer is None and not data.startswith(ZIP):
            return data, packing
        kind = packer[1] if packer else "zip"
        try:
            data = packer[2](data) if packer else _only_member(name, data)
        except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
            raise _broken(name, kind, error) from error
        except (zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            raise _broken(name, kind, error) from error
        packing = f"{packing}, {kind}" if packing else kind


def decode(name: str, data: bytes, encoding: str | None = None) -> FileText:
    """Decodes by `encoding`, or by byte order mark, UTF-8 and cp1252, in this order."""
    if encoding is not None:
        return _checked(name, _decode_as_named(name, data, encoding))
    for mark, codec, title in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _checked(name, FileText(_strict(name, data, codec, title), title, ""))
    if codec := _unmarked_utf16(data):
        return _checked(name, FileText(_strict(name, data, codec, "UTF-16"), "UTF-16", ""))
    try:
        return _checked(name, FileText(data.decode(), "UTF-8", ""))
    except UnicodeDecodeError as error:
        _refuse_broken_utf8(name, data, error)
    return _checked(name, FileText(_strict(name, data, "cp1252", "cp1252"), "cp1252", ""))


def _only_member(name: str, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if any(member.startswith(SPREADSHEET_PARTS) for member in members):
            raise TableError(f"{name} is a spreadsheet (Excel or OpenDocument).", SAVE_AS_CSV)
        files = [member for member in members if not member.startswith("__MACOSX/")]
        if len(files) != 1:
            raise TableError(
                f"{name} is a zip archive of {len(files)} files.",
                "Unpack it and give the file that has the table.",
            )
        return archive.read(files[0])


def _broken(name: str, kind: str, error: Exception) -> TableError:
    return TableError(
        f"{name} cannot be unpacked as {kind}: {str(error).rstrip('.')}.",
        "Copy or export the file again, or unpack it yourself.",
    )


def _decode_as_named(name: str, data: bytes, encoding: str) -> FileText:
    try:
        title = codecs.lookup(encoding).name
    except LookupError as error:
        raise TableError(
            f"There is no encoding {encoding}.",
            "Give --encoding a name such as utf-8, cp1252, cp850 or utf-16.",
        ) from error
    return FileText(_strict(name, data, encoding, encoding).removeprefix("\ufeff"), title, "")


def _strict(name: str, data: bytes, codec: str, title: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        tried = "neither UTF-8 nor cp1252" if title == "cp1252" else f"not {title}"
        raise TableError(
            f"{name}, line {line}: the byte 0x{data[error.start]:02X} is {tried}.",
            "Save the file as UTF-8, or name its encoding with --encoding.",
        ) from error
    except UnicodeError as error:
        raise TableError(
            f"{name} is not {title}: {error}.",
            "Save the file as UTF-8, or name its encoding with --encoding.",
        ) from error


def _unmarked_utf16(data: bytes) -> str | None:
    sample = data[:SAMPLE]
    pairs = len(sample) // 2
    if not pairs:
        return None
    if sample[1::2].count(0) > MOSTLY_ZERO * pairs and not sample[::2].count(0):
        return "utf-16-le"
    if sample[::2].count(0) > MOSTLY_ZERO * pairs and not sample[1::2].count(0):
        return "utf-16-be"
    return None


def _refuse_broken_utf8(name: str, data: bytes, error: UnicodeDecodeError) -> None:
    """Raises TableError if most special letters are UTF-8: cp1252 would garble all of them."""
    letters = [letter for letter in data.decode(errors="surrogateescape") if letter > "\x7f"]
    stray = sum("\udc80" <= letter <= "\udcff" for letter in letters)
    if len(letters) - stray > stray:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(
            f"{name}, line {line}: the byte 0x{data[error.start]:02X} is not UTF-8, "
            "although the file's other special letters are.",
            "Correct the line, save the file as UTF-8, or name its encoding with --encoding.",
        )


def _checked(name: str, content: FileText) -> FileText:
    head = content.text.lstrip()[:100].lower()
    if head.startswith(("<!doctype html", "<html", "<table", "<?xml")):
        raise TableError(f"{name} is a web page or an XML sheet, not a table.", SAVE_AS_CSV)
    if control := CONTROL.search(content.text):
        line = content.text.count("\n", 0, control.start()) + 1
        raise TableError(
            f"{name} is no text: line {line} has the control character 0x{ord(control[0]):02X}.",
            "Give a CSV file with a header, JSON lines or Parquet.",
        )
    return content
