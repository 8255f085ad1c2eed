"""The fonts of pictures, by matplotlib's names."""

from functools import cache

from matplotlib import font_manager

_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
)


@cache
def installed_fonts() -> tuple[str, ...]:
    """Those that there are, asked one after the other for a sign: most of them know Chinese."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _FONTS if name in installed)
