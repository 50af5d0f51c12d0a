"""Opens a source's text files as their profile says: compression by name, encoding, BOM.

Bytes are decoded strictly: a file of another encoding is refused, never half read.
"""

import bz2
import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from retention_assets.errors import ProfileError, UnreadableFileError

_CHUNK = 1 << 20
_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz")


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[IO[str]]:
    """The file's text, without a byte order mark. Raises UnreadableFileError if it cannot be
    decoded."""
    check_name(path)
    with _faults_by_name(path, encoding), _binary(path) as file:
        yield io.TextIOWrapper(file, encoding=_with_bom(encoding), newline="")


def contains(path: Path, encoding: str, text: str) -> bool:
    """Whether `text` (one character) is in the file. Decodes all of it, so that no byte that is
    undecodable reaches Spark, which would replace it.
    """
    check_name(path)
    decoder = codecs.getincrementaldecoder(_with_bom(encoding))()
    is_in = False
    with _faults_by_name(path, encoding), _binary(path) as file:
        while chunk := file.read(_CHUNK):
            is_in |= text in decoder.decode(chunk)
        decoder.decode(b"", final=True)
    return is_in


def check_name(path: Path) -> None:
    """Raises ProfileError for workbooks and archives, by their name."""
    if path.suffix.lower() in _WORKBOOKS:
        raise ProfileError(
            f"{path} is an Excel workbook, which is not read.",
            "Save each sheet as CSV (UTF-8) and name those files in the profile.",
        )
    if path.suffix.lower() in _ARCHIVES:
        raise ProfileError(
            f"{path} is an archive, which is not read.", "Unpack it; .gz and .bz2 files are read."
        )


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _binary(path: Path) -> IO[bytes]:
    return _OPENERS.get(path.suffix.lower(), io.open)(path, "rb")


@contextmanager
def _faults_by_name(path: Path, encoding: str) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise UnreadableFileError(
            f"{path} is not {encoding} text ({error}).",
            "Set the table's options.encoding to the file's encoding, such as cp1252.",
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        raise UnreadableFileError(
            f"{path} cannot be read: {error}.", "Replace the file."
        ) from error
