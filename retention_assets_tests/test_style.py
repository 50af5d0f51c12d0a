"""The rules of CONTRIBUTING.md that ruff cannot check: names, spelling, one assignment per line."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CLONE = Path(__file__).parents[1]
CODE = ("retention_assets", "serve", "benchmarks", "tools", "retention_assets_tests")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")
LONGEST_TEST_NAME = 60
UNCLEAR_NAMES = {
    "said", "told", "seen", "found", "held", "given", "each", "own", "one", "some", "them",
    "mine", "asked", "there", "wanted", "had", "made", "done",
}  # fmt: skip
# The verbs are listed one by one, because "raise", "noise" and "precise" are American too.
BRITISH = re.compile(
    r"\b(?:un)?(?:randomis|standardis|normalis|serialis|initialis|summaris|categoris|organis"
    r"|optimis|minimis|maximis|recognis|realis|generalis|regularis|materialis|parametris"
    r"|synchronis|vectoris|utilis|customis|prioritis|emphasise|analyse[ds]?\b|behaviour|colour"
    r"|favour|honour|neighbour|labell|cancelled|cancelling|modelled|modelling|totalled|centre"
    r"|licence|catalogue|grey|judgement)\w*",
    re.IGNORECASE,
)
OLD_WORDS = re.compile(r"\bRemedy:|\bMend\b|\bMEND\b")


def test_variable_names_say_what_the_value_contains() -> None:
    unclear = [
        f"{place} {name}" for place, name in names() if name.removeprefix("_") in UNCLEAR_NAMES
    ]
    assert unclear == []


def test_each_line_assigns_one_value() -> None:
    """Not `a, b = x, y`. Unpacking the result of one call is fine."""
    pairs = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Tuple)
        and any(isinstance(target, ast.Tuple) for target in node.targets)
    ]
    assert pairs == []


def test_test_names_are_short_and_plain() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in modules()
        if path.startswith("retention_assets_tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > LONGEST_TEST_NAME
    ]
    assert long == []


def test_words_are_american_and_current() -> None:
    other = [
        f"{path}:{number} {match.group()}"
        for path in texts()
        for number, line in enumerate((CLONE / path).read_text().splitlines(), start=1)
        for pattern in (BRITISH, OLD_WORDS)
        for match in pattern.finditer(line)
    ]
    assert other == []


def names() -> Iterator[tuple[str, str]]:
    """Place and name of every variable, argument, attribute and function that the code defines."""
    for path, tree in modules():
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    pass
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    pass
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    pass
                case ast.alias(asname=str(name)):
                    pass
                case _:
                    continue
            yield f"{path}:{node.lineno}", name


@cache
def modules() -> list[tuple[str, ast.Module]]:
    return [(path, ast.parse((CLONE / path).read_text())) for path in sources()]


def sources() -> list[str]:
    return sorted(
        str(file.relative_to(CLONE)) for folder in CODE for file in (CLONE / folder).rglob("*.py")
    )


def texts() -> list[str]:
    """Source files and pages; this file spells out what the others must not say."""
    this = str(Path(__file__).relative_to(CLONE))
    profiles = sorted(
        str(file.relative_to(CLONE)) for file in (CLONE / "retention_assets").rglob("*.yaml")
    )
    return [path for path in sources() if path != this] + profiles + list(PAGES)
