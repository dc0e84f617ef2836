"""``coincide show``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.errors import InputError
from .asking import Asked, asking


@asking("variant", "assignments", "json_file")
def show(
    asked: Asked,
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A library name or a JSON file.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiments instead.")
    ] = False,
) -> None:
    """Show a model: equations, parameters with units, populations, projections; its JSON with --json."""
    from ...models.library import MODELS, lesions_of
    from .arguments import write_json
    from .overview import print_experiment, print_lesions

    if schema:
        from ...core.experiment import json_schema

        write_json(json_schema(), asked.json_file or "-")
        return
    if model is None:
        raise InputError("MODEL", "which model? coincide list names those of the library")
    experiment = asked.with_(model=model).experiment()
    if asked.json_file is not None:
        asked.write_json(experiment.to_dict())
        return
    console = asked.console()
    print_experiment(console, experiment)
    if model in MODELS and lesions_of(model):
        print_lesions(console, lesions_of(model))
