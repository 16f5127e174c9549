"""Make the manual's pictures of demonstrations again.

    python scripts/pictures.py                      the simulated movie
    python scripts/pictures.py FOLDER               the two real movies in that folder as well
    xvfb-run -a -s "-screen 0 1920x1080x24" python scripts/pictures.py     napari's window, too

Runs ``limelight demo`` with the very options that the tutorial shows, and keeps the picture, scaled
down, in ``docs/images``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
REAL = {
    "dstorm": ["dstorm_5_frames.tif", "--pixel-size", "133.5"],
    "tetrapod": ["tetrapod_50_frames.tif", "--box", "9"],
}


def palette() -> Image.Image:
    """Return the colours that the pictures are made of: greys and inferno."""
    fire = matplotlib.colormaps["inferno"](range(0, 256, 2), bytes=True)[:, :3].tolist()
    colours = fire + [[2 * grey] * 3 for grey in range(128)]
    image = Image.new("P", (1, 1))
    image.putpalette([value for colour in colours for value in colour])
    return image


def make(name: str, words: list[str], folder: Path | None = None) -> None:
    """Run the demonstration and keep its picture under that name."""
    if folder is not None:
        words = [str(folder / words[0]), *words[1:]]
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "limelight", "demo", *words]
        subprocess.run([*command, "--no-window", "--output", out], check=True)
        picture = Image.open(next(Path(out).glob("*.png")))
        small = picture.convert("RGB").resize((1200, round(picture.height * 1200 / picture.width)))
        small.quantize(palette=palette(), dither=Image.Dither.NONE).save(
            IMAGES / f"{name}.png", optimize=True
        )


def photograph(path: Path) -> None:
    """Run the demonstration with its window, and keep a picture of that."""
    import napari
    from qtpy.QtCore import QTimer

    from limelight.cli import main

    run = napari.run

    def run_and_shoot() -> None:
        viewer = napari.current_viewer()

        def shoot() -> None:
            viewer.screenshot(str(path), canvas_only=False)
            viewer.close()

        viewer.window.resize(1500, 950)
        QTimer.singleShot(1000, viewer.reset_view)
        QTimer.singleShot(5000, shoot)
        run()

    napari.run = run_and_shoot
    with tempfile.TemporaryDirectory() as out:
        main(["demo", "--window", "--output", out])


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    make("demo", [])
    if len(sys.argv) > 1:
        for name, words in REAL.items():
            make(name, words, Path(sys.argv[1]))
    if os.environ.get("DISPLAY"):
        # A fresh home: what a person's docks remember is not for the manual.
        os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
        photograph(IMAGES / "window.png")
