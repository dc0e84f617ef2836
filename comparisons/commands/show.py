"""``coincide show``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.errors import InputError
from .arguments import Json, Set, Variant, load_experiment, write_json


def show(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A library name or a JSON file.")
    ] = None,
    variant: Variant = "",
    assignments: Set = None,
    json_file: Json = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiments instead.")
    ] = False,
) -> None:
    """Show a model: equations, parameters with units, populations, projections; its JSON with --json."""
    from ...models.library import MODELS, lesions_of
    from ..showing.terminal import Console
    from .overview import print_experiment, print_lesions

    if schema:
        from ...core.experiment import json_schema

        write_json(json_schema(), json_file or "-")
        return
    if model is None:
        raise InputError("MODEL", "which model? coincide list names those of the library")
    experiment = load_experiment(model, variant, assignments=assignments or ())
    if json_file is not None:
        write_json(experiment.to_dict(), json_file)
    else:
        print_experiment(Console(), experiment)
        if model in MODELS and lesions_of(model):
            print_lesions(Console(), lesions_of(model))
