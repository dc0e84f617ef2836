"""``coincide list``."""

from __future__ import annotations

from .arguments import Json, write_json


def list_(json_file: Json = None) -> None:
    """List the library's models and the backends, with what is installed."""
    from ..showing.terminal import Console
    from .overview import inventory, print_inventory

    data = inventory()
    print_inventory(Console(stderr=json_file == "-"), data)
    if json_file is not None:
        write_json(data, json_file)
