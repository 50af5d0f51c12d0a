"""The examples in the docstrings of value/lifetime/ run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from retention_assets.value import lifetime

MODULES = sorted(file.stem for file in Path(lifetime.__path__[0]).glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(import_module(f"{lifetime.__name__}.{name}")).failed == 0
