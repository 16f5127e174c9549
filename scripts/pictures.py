"""Make the manual's pictures of demonstrations again.

    python scripts/pictures.py                      the simulated movie
    python scripts/pictures.py FOLDER               the two real movies in that folder as well

Runs ``limelight demo`` with the very options that the tutorial shows, and keeps the picture, scaled
down, in ``docs/images``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
REAL = {
    "dstorm": ["dstorm_5_frames.tif", "--pixel-size", "133.5", "--sliding-background", "none"],
    "tetrapod": ["tetrapod_50_frames.tif", "--box", "9", "--sliding-background", "none"],
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


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    make("demo", [])
    if len(sys.argv) > 1:
        for name, words in REAL.items():
            make(name, words, Path(sys.argv[1]))
