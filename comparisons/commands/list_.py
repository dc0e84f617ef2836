"""``coincide list``."""

from __future__ import annotations

from .asking import Asked, asking


@asking("json_file")
def list_(asked: Asked) -> None:
    """List the library's models and the backends, with what is installed."""
    from .overview import inventory, print_inventory

    data = inventory()
    print_inventory(asked.console(), data)
    asked.write_json(data)
