"""Icons without a network: microscopes are often offline.

The microscope widgets that Limelight builds on fetch their icons from a web service, and wait for
it, or fail, where there is none.  `use_local_icons` has those that Limelight shows drawn here; any
other is fetched if that is possible, and is a plain dot if not.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["icon_svg", "use_local_icons"]

_TURNS = {"right": 0, "down": 90, "left": 180, "up": 270}
_LINE = 'fill="none" stroke="{c}" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"'
_SHAPES = {
    "camera": ('<path d="M3 7h4l2-3h6l2 3h4v13H3z" {line}/><circle cx="12" cy="13" r="4" {line}/>'),
    "video": '<path d="M3 7h12v10H3z M15 11l6-4v10l-6-4" {line}/>',
    "video-off": '<path d="M3 7h12v10H3z M15 11l6-4v10l-6-4 M3 3l18 18" {line}/>',
    "hexagon": '<path d="M12 2l9 5v10l-9 5-9-5V7z" {line}/>',
    "hexagon-full": '<path d="M12 2l9 5v10l-9 5-9-5V7z" fill="{c}"/>',
    "stop": '<rect x="5" y="5" width="14" height="14" rx="2" fill="{c}"/>',
    "play": '<path d="M7 4l13 8-13 8z" fill="{c}"/>',
    "pause": '<path d="M6 4h4v16H6z M14 4h4v16h-4z" fill="{c}"/>',
    "plus": '<path d="M12 4v16 M4 12h16" {line}/>',
    "cross": '<path d="M5 5l14 14 M19 5L5 19" {line}/>',
    "crop": '<path d="M7 2v15h15 M2 7h15v15" {line}/>',
    "full": '<path d="M3 9V3h6 M15 3h6v6 M21 15v6h-6 M9 21H3v-6" {line}/>',
    "bin": '<path d="M4 6h16 M9 6V3h6v3 M6 6l1 15h10l1-15" {line}/>',
    "copy": '<path d="M8 8h12v13H8z M4 16V3h12" {line}/>',
    "new": '<path d="M5 3h9l5 5v13H5z M12 10v8 M8 14h8" {line}/>',
    "save": '<path d="M4 4h13l3 3v13H4z M8 4v5h7V4 M8 20v-7h8v7" {line}/>',
    "pen": '<path d="M4 20l1-5L16 4l4 4L9 19z" {line}/>',
    "grid": '<path d="M3 3h18v18H3z M9 3v18 M15 3v18 M3 9h18 M3 15h18" {line}/>',
    "pin": '<path d="M12 22s7-7 7-12a7 7 0 0 0-14 0c0 5 7 12 7 12z" {line}/>',
    "checks": '<path d="M7 3h14v14H7z M3 7v14h14 M10 10l3 3 5-6" {line}/>',
    "boxes": '<path d="M7 3h14v14H7z M3 7v14h14" {line}/>',
    "box-cross": '<path d="M4 4h16v16H4z M8.5 8.5l7 7 M15.5 8.5l-7 7" {line}/>',
    "boxes-cross": '<path d="M7 3h14v14H7z M3 7v14h14 M11 7l6 6 M17 7l-6 6" {line}/>',
    "flag": '<path d="M6 21V4h12l-3 4 3 4H6" {line}/>',
    "axes": '<path d="M5 3v16h16 M2 6l3-3 3 3 M18 16l3 3-3 3" {line}/>',
    "expand-up": '<path d="M4 20h16 M12 15V4 M7 9l5-5 5 5" {line}/>',
    "collapse-up": '<path d="M4 4h16 M12 20V9 M7 14l5-5 5 5" {line}/>',
    "collapse-down": '<path d="M4 20h16 M12 4v11 M7 10l5 5 5-5" {line}/>',
    "split": '<path d="M3 12h18 M12 9V2 M9 5l3-3 3 3 M12 15v7 M9 19l3 3 3-3" {line}/>',
    "border": '<path d="M4 4h16v16H4z" {line}/>',
    "ring": '<circle cx="12" cy="12" r="8" {line}/>',
    "dot": '<circle cx="12" cy="12" r="4" fill="{c}"/>',
    "up-down": '<path d="M12 3v18 M7 8l5-5 5 5 M7 16l5 5 5-5" {line}/>',
    "table": '<path d="M3 4h18v16H3z M3 9h18 M10 4v16" {line}/>',
}
_ALIASES = {
    "camera-outline": "camera",
    "camera-iris": "camera",
    "video-outline": "video",
    "video-off-outline": "video-off",
    "hexagon-outline": "hexagon",
    "hexagon-slice-6": "hexagon-full",
    "sign-stop-fill": "stop",
    "stop-circle-outline": "stop",
    "play-circle-outline": "play",
    "pause-circle-outline": "pause",
    "baseline-plus": "plus",
    "outline-add-box": "plus",
    "plus-thick": "plus",
    "checkbox-multiple-marked-outline": "checks",
    "checkbox-multiple-blank-outline": "boxes",
    "close-box-outline": "box-cross",
    "close-box-multiple-outline": "boxes-cross",
    "axis": "axes",
    "axis-arrow": "axes",
    "arrow-expand-up": "expand-up",
    "arrow-collapse-up": "collapse-up",
    "arrow-collapse-down": "collapse-down",
    "arrow-split-horizontal": "split",
    "border-top-variant": "border",
    "border-left-variant": "border",
    "border-right-variant": "border",
    "border-bottom-variant": "border",
    "border-style": "border",
    "close": "cross",
    "close-circle": "cross",
    "fullscreen": "full",
    "delete-24-regular": "bin",
    "save-copy-24-regular": "copy",
    "document-add-24-regular": "new",
    "folder-add-24-regular": "new",
    "form-new-24-regular": "new",
    "edit-off-20-regular": "pen",
    "map-marker-outline": "pin",
    "arrow-expand-vertical": "up-down",
    "arrow-up-down": "up-down",
}


def _chevrons(count: int, way: str) -> str:
    start = 9 - 3.5 * (count - 1)
    path = " ".join(f"M{start + 7 * i:g} 5l6 7-6 7" for i in range(count))
    turned = f'transform="rotate({_TURNS[way]} 12 12)"'
    return f'<path d="{path}" {turned} {{line}}/>'


def _arrow(way: str) -> str:
    angle = {
        "right": 0, "bottom-right": 45, "down": 90, "bottom-left": 135,
        "left": 180, "top-left": 225, "up": 270, "top-right": 315,
    }.get(way)  # fmt: skip
    if angle is None:
        return ""
    turned = f'transform="rotate({angle} 12 12)"'
    return f'<path d="M3 12h17 M13 5l7 7-7 7" {turned} {{line}}/>'


def icon_svg(name: str, color: str = "#888888") -> str:
    """Return an icon as SVG; empty where it is not drawn here.

    Parameters
    ----------
    name : str
        Name in the web service's words, such as ``mdi:chevron-double-up``.
    color : str
        Colour as SVG writes it.
    """
    short = name.rpartition(":")[2]
    found = re.fullmatch(r"chevron(-double|-triple)?-(up|down|left|right)", short)
    arrow = re.fullmatch(r"arrow-(.+?)(-thick)?", short)
    if found:
        count = {None: 1, "-double": 2, "-triple": 3}[found[1]]
        shape = _chevrons(count, found[2])
    elif arrow and _arrow(arrow[1]):
        shape = _arrow(arrow[1])
    else:
        shape = _SHAPES.get(_ALIASES.get(short, short), "")
    if not shape:
        return ""
    line = _LINE.format(c=color)
    drawn = shape.format(line=line, c=color)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">'
        f"{drawn}</svg>"
    )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="limelight-icons-")


_online = True


@lru_cache(maxsize=512)
def _path(original: Callable[..., Path], key: tuple[str, ...], options: tuple[Any, ...]) -> Path:
    global _online
    given = dict(options)
    name = ":".join(key)
    color = str(given.get("color") or "#888888")
    svg = icon_svg(name, color)
    if not svg and _online:
        try:
            return original(*key, **given)
        except Exception:  # whatever a network can fail with
            _online = False
    svg = svg or icon_svg("dot", color)
    path = Path(_folder().name) / (re.sub(r"\W+", "-", f"{name}-{color}") + ".svg")
    path.write_text(svg, encoding="utf-8")
    return path


def use_local_icons() -> None:
    """Have the icons of microscope widgets drawn here; to be called before they are imported."""
    import pyconify
    import pyconify.api
    import superqt.iconify

    if getattr(pyconify.svg_path, "limelight", False):
        return
    original = pyconify.svg_path

    def svg_path(*key: str, **options: Any) -> Path:
        return _path(original, key, tuple(sorted(options.items())))

    svg_path.limelight = True  # type: ignore[attr-defined]
    for module in (pyconify, pyconify.api, superqt.iconify):
        module.svg_path = svg_path  # type: ignore[attr-defined]
