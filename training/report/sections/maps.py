"""What is near what, to the model."""

from training.report.maps.choosing import brand_map, product_map
from training.report.parts import Block, MapFigure, Section, Text
from training.report.sources import Sources

NO_BUNDLE = "No bundle was given, and none lies beside the results."


def maps(sources: Sources) -> Section:
    """Products and brands in the plane."""
    if sources.recommender is None:
        return Section("maps", "Maps", (Text(NO_BUNDLE, "muted"),))
    drawn = [draw(sources.recommender, sources.direction) for draw in (product_map, brand_map)]
    blocks: tuple[Block, ...] = tuple(MapFigure(one) for one in drawn if one is not None)
    nothing = Text("The bundle has too few products and brands with vectors for a map.", "muted")
    return Section("maps", "Maps", blocks or (nothing,))
