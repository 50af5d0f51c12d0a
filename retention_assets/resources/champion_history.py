"""Who was champion of a task, from when to when and why. Values in, values out; no MLflow.

The registry stores each term as a tag of the registered model. Terms are never changed or removed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

TAG_PREFIX = "champion."
MAX_REASON = 1000  # characters; MLflow keeps 5,000 of a tag
STORED = ("version", "digest", "began_at", "began_watermark", "reason", "rolled_back")


@dataclass(frozen=True, kw_only=True)
class ChampionTerm:
    """A time during which a version was champion.

    `began_at`, `ended_at`: ISO 8601 in UTC. The watermarks are the days through which data had been
    read at those times. `rolled_back`: the version that a person replaced by this one; None if this
    one was promoted. The present term has no end.
    """

    version: str
    digest: str
    began_at: str
    began_watermark: str | None
    reason: str
    rolled_back: str | None = None
    ended_at: str | None = None
    ended_watermark: str | None = None


def terms_of(tags: Mapping[str, str]) -> list[ChampionTerm]:
    """The terms that these tags of a registered model hold, the first one first."""
    stored = [tags[name] for name in sorted(tags) if name.startswith(TAG_PREFIX)]
    return with_ends([ChampionTerm(**json.loads(text)) for text in stored])


def with_ends(terms: Sequence[ChampionTerm]) -> list[ChampionTerm]:
    """The terms in order; each but the last ends when the next one begins."""
    ended = [
        replace(term, ended_at=later.began_at, ended_watermark=later.began_watermark)
        for term, later in pairwise(terms)
    ]
    return [*ended, *terms[-1:]]


def tag_of(number: int, term: ChampionTerm) -> tuple[str, str]:
    """Name and value of the tag of the term with this number. The end is the next term's start."""
    content = {name: getattr(term, name) for name in STORED}
    content["reason"] = term.reason[:MAX_REASON]
    return f"{TAG_PREFIX}{number:06d}", json.dumps(content)


def previous_term(terms: Iterable[ChampionTerm]) -> ChampionTerm | None:
    """The promotion that a rollback restores; None: there is none before the present champion.

    A version that was rolled back from is passed over, so that repeated rollbacks go further back
    and never to and fro: after 1, 2, 3 and a rollback to 2, the previous champion is 1.
    """
    standing: list[ChampionTerm] = []
    for term in terms:
        if term.rolled_back is None:
            standing.append(term)
            continue
        while standing and standing[-1].version != term.version:
            standing.pop()
    return standing[-2] if len(standing) > 1 else None


def rollback_of(terms: Iterable[ChampionTerm], digest: str) -> ChampionTerm | None:
    """The term that began when a model with this digest was rolled back from; None: none was."""
    digests: dict[str, str] = {}
    for term in terms:
        if term.rolled_back and digests.get(term.rolled_back) == digest:
            return term
        digests[term.version] = term.digest
    return None
