"""What to show of a node: the few fields by which people know it."""

from collections.abc import Mapping
from typing import Any

from graphdb.decimals import as_meant
from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.query.conditions import SELLABLE
from graphrec.query.paths import Paths

Fields = Mapping[str, Any]


class Display:
    """Reads display fields from a bundle."""

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._paths = paths

    def fields(self, node_type: str, row: int) -> Fields:
        """The display fields of one node; what is not known is left out.

        Products come with the names of their brand and categories, and with their status and stock
        where they cannot be bought; brands with the number of their products, everything else
        with the properties that are set.
        """
        own = self._properties(node_type, row)
        if node_type == "Product":
            linked = {
                "brand": self.linked_name(node_type, "MADE_BY", row),
                "category": self.linked_name(node_type, "IN_CATEGORY", row),
            }
            fields = {
                "title": own.get("title"),
                **linked,
                "price": own.get("price"),
                "size": own.get("size"),
                "status": None if own.get("status") == SELLABLE else own.get("status"),
                "stock": None if own.get("stock") else own.get("stock"),
            }
            return {name: value for name, value in fields.items() if value is not None}
        if node_type == "Brand" and self._paths.can_walk("Brand", ("~MADE_BY",)):
            own["products"] = len(self._paths.adjacency("Brand", "~MADE_BY").targets(row))
        return own

    def name(self, node_type: str, row: int) -> str:
        """What people call the node; its id where it has no name."""
        properties = self._properties(node_type, row)
        name = properties.get("name") or properties.get("title")
        return str(name) if name else self._bundle.id_of(node_type, row)

    def linked_name(self, node_type: str, step: str, row: int) -> str | None:
        """The name of the node one step away, several names with commas; None without any."""
        if not self._paths.can_walk(node_type, (step,)):
            return None
        rows = self._paths.adjacency(node_type, step).targets(row)
        target_type = self._paths.end_type(node_type, step)
        return ", ".join(self.name(target_type, int(target)) for target in rows) or None

    def _properties(self, node_type: str, row: int) -> dict[str, Any]:
        table = self._bundle.attributes(node_type)
        left_out = (self._bundle.schema.node_type(node_type).key, CREATED_AT)
        values = {
            name: table[name][int(row)].as_py()
            for name in table.column_names
            if name not in left_out
        }
        return {name: _shown(value) for name, value in values.items() if value is not None}


def _shown(value: Any) -> Any:
    """A number as filters compare it, all else as it is."""
    if not isinstance(value, float) or value == round(value, 2):  # prices: as they are, at once
        return value
    return as_meant([value]).item()
