"""The examples in the docstrings of value/ run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from retention_assets import value

MODULES = sorted(file.stem for file in Path(value.__path__[0]).glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(import_module(f"{value.__name__}.{name}")).failed == 0
