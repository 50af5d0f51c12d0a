"""A model folder: its digest, and the only way to load it for serving.

The digest, the names of the files and the card are checked before any model file is opened.
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
    """sha256 over the sorted lines "<relative name> <sha256 of the file>" of all files."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )
    lines = [
        f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n" for name in names
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_card(folder: Path) -> Card:
    """The validated card of a model folder. Raises BundleError."""
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
    """The scorer of a model folder. Raises BundleError with the reason where it is not loaded."""
    if not folder.is_dir():
        raise BundleError("The model folder does not exist.")
    if digest_of(folder) != expected_digest:
        raise BundleError("The model folder does not have the expected digest.")
    card = read_card(folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    unexpected = sorted(names - {CARD_FILE, card.model_file})
    if unexpected:
        raise BundleError(f"The model folder has unexpected files: {', '.join(unexpected)}.")
    if any(path.is_symlink() for path in folder.iterdir()):
        raise BundleError("The model folder contains a symbolic link.")
    model = load_model(card.kind, folder / card.model_file, len(card.features))
    return Scorer(card, model, digest=expected_digest)
