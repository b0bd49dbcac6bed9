"""Reading scenario files: every error names the file, the place in it and what is wrong there."""

from pathlib import Path
from typing import Any

import yaml
from attrs import frozen
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from runner.lab.sim.schema import schema
from runner.lab.sim.verbs import VERBS


class ScenarioFileError(ValueError):
    """A scenario file that cannot be played: the file, the place and what is wrong."""


@frozen
class Scenario:
    """A scenario as its file says it; ``document`` fits the schema."""

    path: str
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """What the scenario is called."""
        return str(self.document["name"])

    @property
    def seeds(self) -> list[int]:
        """The seeds to play it with."""
        return list(self.document.get("seeds", [0]))


def read(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioFileError: it cannot be read, is no YAML or does not fit the schema.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioFileError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioFileError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    errors = list(Draft202012Validator(schema()).iter_errors(document))
    if errors:
        raise ScenarioFileError(f"{path}: {_words(errors, document)}")
    return Scenario(str(path), document)


def _words(errors: list[ValidationError], document: Any) -> str:
    for error in errors:
        if error.validator == "anyOf" and len(error.absolute_path) == 2 and error.absolute_path[0] == "steps":
            return _in_a_step(error)
        if error.validator == "oneOf" and not error.absolute_path:
            return "the document: either 'steps' or a 'schedule' is required, and not both"
    error = best_match(errors)
    return f"{_place(error)}: {error.message}"


def _in_a_step(error: ValidationError) -> str:
    """The complaint of the verb that was meant, instead of those of all that were not."""
    step = error.instance
    if not isinstance(step, dict) or not step:
        return f"{_place(error)}: a step is a verb with what it says, not {step!r}"
    name = next(iter(step))
    if name not in VERBS and name != "expect":
        return f"{_place(error)}: there is no verb {name!r}; there are: expect, {', '.join(VERBS)}"
    meant = [e for e in error.context or () if name in e.schema_path or _requires(error, e, name)]
    inner = best_match(meant) if meant else error
    return f"{_place(inner)}: {inner.message}"


def _requires(outer: ValidationError, inner: ValidationError, name: str) -> bool:
    branches: Any = outer.validator_value
    return name in branches[inner.schema_path[0]]["properties"]


def _place(error: ValidationError) -> str:
    place = ""
    for part in error.absolute_path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return place.lstrip(".") or "the document"
