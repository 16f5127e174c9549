"""A picture of any size, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from limelight.core.render.picture import Picture, Window

__all__ = ["Tile", "Tiles"]


@dataclass(frozen=True, eq=False)
class Tile:
    """Part of a large picture.

    Parameters
    ----------
    row, column : int
        Its first pixel in the large picture.
    picture : Picture
        Its image and place.
    """

    row: int
    column: int
    picture: Picture


class Tiles:
    """The tiles of a large picture, drawn as they are asked for; row after row, from the left.

    Side by side they are the picture that would have been drawn at once, to the last bit.  No more
    than one is held at a time.

    Parameters
    ----------
    window : Window
        The large picture.
    side : int
        Height and width of a tile, pixels; those at the end may be smaller.
    draw : callable
        Draws a window.
    camera_pixel_nm : float
        Size of a camera pixel, nm.

    Raises
    ------
    ParameterError
        If ``side`` is below 1.
    """

    def __init__(
        self,
        window: Window,
        side: int,
        draw: Callable[[Window], Picture],
        camera_pixel_nm: float,
    ) -> None:
        if side < 1:
            raise ParameterError(f"render: the side of a tile must be at least 1, not {side}.")
        self.shape = window.shape
        """Height and width of the large picture."""
        self.side = side
        scale = window.scale_um(camera_pixel_nm)
        self.scale_um = (scale, scale)
        """Size of a pixel (y, x), µm."""
        self.translate_um = window.translation_um(camera_pixel_nm)
        """Centre of the large picture's first pixel (y, x), µm."""
        self._window = window
        self._draw = draw

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        rows, columns = (-(-n // self.side) for n in self.shape)
        return rows, columns

    def __len__(self) -> int:
        rows, columns = self.grid
        return rows * columns

    def __getitem__(self, place: tuple[int, int]) -> Tile:
        """Draw the tile in that row and column of tiles."""
        rows, columns = self.grid
        if not (0 <= place[0] < rows and 0 <= place[1] < columns):
            raise IndexError(f"There is no tile {place} among {rows} x {columns}.")
        row, column = (p * self.side for p in place)
        height, width = self.shape
        shape = (min(self.side, height - row), min(self.side, width - column))
        return Tile(row, column, self._draw(self._window.part(row, column, shape)))

    def __iter__(self) -> Iterator[Tile]:
        rows, columns = self.grid
        return (self[i, j] for i in range(rows) for j in range(columns))
