"""Defines the colours of a report, light and dark.

Colour-blind readers can distinguish series, too: the hues are those of Okabe and Ito (Color
Universal Design, 2008), darkened or lightened for contrast. Charts also use markers or a fixed
order, so that colour is never the only difference.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as '#rrggbb', all different, so that each maps back to its name.

    Args:
        surface: The background of charts.
        ink: Text.
        muted: Minor text and axes.
        grid: Grid lines.
        other: Everything that is not a series.
        one, two, three, four, five, six, seven: Series, in the order of their use.
    """

    surface: str
    ink: str
    muted: str
    grid: str
    other: str
    one: str
    two: str
    three: str
    four: str
    five: str
    six: str
    seven: str

    @property
    def series(self) -> tuple[str, ...]:
        return (self.one, self.two, self.three, self.four, self.five, self.six, self.seven)

    def variables(self) -> str:
        """Returns CSS custom properties, '--ink: #1c2128; ...'."""
        return " ".join(f"--{item.name}: {getattr(self, item.name)};" for item in fields(self))

    def named(self, drawing: str) -> str:
        """Replaces the colours of a drawing by their names, 'var(--ink)'."""
        for item in fields(self):
            drawing = drawing.replace(getattr(self, item.name), f"var(--{item.name})")
        return drawing


LIGHT = Palette(
    surface="#fffffe",
    ink="#1c2128",
    muted="#59636f",
    grid="#dde2e8",
    other="#b9c0c9",
    one="#0072b2",
    two="#d55e00",
    three="#009e73",
    four="#aa4499",
    five="#d99000",
    six="#3fa3d9",
    seven="#7d5a45",
)
DARK = Palette(
    surface="#171b21",
    ink="#e8ebef",
    muted="#a3adb9",
    grid="#353c46",
    other="#5f6976",
    one="#4fa8e8",
    two="#f28a4b",
    three="#2fc49a",
    four="#dd88c9",
    five="#f2c14e",
    six="#a9dcfa",
    seven="#c9a58f",
)
SERIES = tuple(item.name for item in fields(Palette))[5:]
"""The names of the series' colours."""
