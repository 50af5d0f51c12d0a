"""A model folder: its digest, and the only way to load one for serving.

Everything is checked before any model file is opened: the digest, that no unknown file lies in the folder, the card.
"""

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from serve.errors import BundleError
from serve.model.card import CARD_FILE, Card
from serve.model.loaders import load_model
from serve.model.scorer import Scorer


def digest_of(folder: Path) -> str:
    """sha256 over the sorted lines "<relative name> <sha256 of the file>" of all files in the folder."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )
    lines = [
        f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n" for name in names
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_card(folder: Path) -> Card:
    """The validated card of a model folder."""
    try:
        return Card.model_validate(json.loads((folder / CARD_FILE).read_bytes()))
    except FileNotFoundError as error:
        raise BundleError(f"The model folder has no {CARD_FILE}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "card"
        raise BundleError(f"The model's card is not valid: {where}: {first['msg']}.") from error
    except ValueError as error:
        raise BundleError("The model's card is not JSON.") from error


def load_bundle(folder: Path, expected_digest: str) -> Scorer:
    """The scorer of a model folder, or a BundleError that says why it is refused."""
    if not folder.is_dir():
        raise BundleError("The model folder does not exist.")
    if digest_of(folder) != expected_digest:
        raise BundleError("The model folder does not have the expected digest.")
    card = read_card(folder)
    unknown = {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {
        CARD_FILE,
        card.model_file,
    }
    if unknown:
        raise BundleError(
            f"The model folder holds files that do not belong there: {', '.join(sorted(unknown))}."
        )
    if any(path.is_symlink() for path in folder.iterdir()):
        raise BundleError("The model folder holds a symbolic link.")
    return Scorer(
        card,
        load_model(card.kind, folder / card.model_file, len(card.features)),
        digest=expected_digest,
    )
