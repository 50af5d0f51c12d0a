"""A recipe: which candidate, with which parameters. As text, so that a registry can keep it.

Fits nothing and knows no registry.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from retention_assets.modeling.candidates.declared import Candidate


def recipe_of(candidate: Candidate) -> str:
    """The recipe as JSON. Equal texts are equal recipes: keys are sorted, tuples become lists."""
    return json.dumps(
        {"candidate": candidate.name, "params": dict(candidate.params)}, sort_keys=True
    )


def candidate_of(recipe: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate with the recipe's parameters; None if it is not declared any more."""
    content = json.loads(recipe)
    named = {item.name: item for item in candidates}.get(content["candidate"])
    return named and replace(named, params=content["params"])
