"""Source values in their declared types: texts, and columns of another type in the file.

Spark columns in, Spark columns out. A value that does not fit its type is null and flagged.
"""

import re
from collections.abc import Iterator

from pyspark.sql import Column
from pyspark.sql import functions as F

from retention_assets.sources.expressions import MOMENT, MOMENT_TYPES, NUMBER
from retention_assets.sources.headers import is_number
from retention_assets.sources.profile import FileOptions

BLANKS = " \t\r\n\u00a0\ufeff"
_HAS_ZONE = r":[0-9]{1,2}([.][0-9]+)? ?[A-Za-z+-]"
_FRACTIONS = {"float", "double"}


def trimmed(text: Column) -> Column:
    return F.btrim(text, F.lit(BLANKS))


def without_null_words(text: Column, options: FileOptions) -> Column:
    """The trimmed text; null if it is empty or a null word."""
    clean = trimmed(text)
    is_null = clean.isin("", *options.null_words)
    return F.when(~is_null, clean)


def value_and_fault(
    source: Column, *, actual: str, declared: str, options: FileOptions
) -> Iterator[Column]:
    """The value in its declared type, and whether the source has one that does not fit."""
    if actual == "string" and declared != "string":
        source = without_null_words(source, options)
    value = _value(source, actual, declared, options)
    if is_number(actual) and is_number(declared) and actual != declared:
        if actual in _FRACTIONS:
            source = F.when(~F.isnan(source), source)
        value = F.when(value.try_cast(actual) == source, value)  # null if digits are lost
    yield value
    yield source.isNotNull() & value.isNull()


def _value(source: Column, actual: str, declared: str, options: FileOptions) -> Column:
    if actual == declared:
        return source
    if actual == "string":
        return _from_text(source, declared, options)
    if actual in _FRACTIONS and declared == "string":
        # Whole numbers with gaps become fractions in pandas: 12345.0 is the id 12345.
        whole = source.try_cast("bigint")
        text = F.when(whole.cast(actual) == source, whole.cast("string"))
        return F.when(~F.isnan(source), F.coalesce(text, source.cast("string")))
    if actual == "timestamp_ntz" and declared == "timestamp":
        return _in_utc(source.cast("timestamp"), options)
    return source.try_cast(declared)


def _from_text(text: Column, declared: str, options: FileOptions) -> Column:
    if is_number(declared):
        return _number(text, declared, options)
    if declared in MOMENT_TYPES:
        plain = F.when(text.rlike(MOMENT), text).try_cast(declared)
        if declared == "timestamp" and options.time_zone != "UTC":
            return F.when(text.rlike(_HAS_ZONE), plain).otherwise(_in_utc(plain, options))
        return plain
    return text.try_cast(declared)


def _number(text: Column, declared: str, options: FileOptions) -> Column:
    """Only plain numbers, with the marks and the currency that the options state."""
    if options.currency:
        text = trimmed(F.replace(text, F.lit(options.currency), F.lit("")))
    if options.thousands:
        mark = re.escape(options.thousands)
        grouped = rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({re.escape(options.decimal)}[0-9]*)?$"
        plain = F.replace(text, F.lit(options.thousands), F.lit(""))
        text = F.when(text.rlike(grouped), plain).otherwise(text)
    if options.decimal != ".":
        text = F.when(~text.contains("."), F.replace(text, F.lit(options.decimal), F.lit(".")))
    if declared not in _FRACTIONS and not declared.startswith("decimal"):
        text = F.regexp_replace(text, r"[.]0*$", "")  # pandas writes whole numbers as 2.0
    return F.when(text.rlike(NUMBER), text).try_cast(declared)


def _in_utc(moment: Column, options: FileOptions) -> Column:
    if options.time_zone == "UTC":
        return moment
    return F.to_utc_timestamp(moment, options.time_zone)
