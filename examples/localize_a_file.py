"""Localize a movie file, and read the result again."""

import limelight
from limelight.core.simulate import scene
from limelight.io import write_tiff

# Here the movie is a simulated one; yours is already on the disk.
write_tiff("movie.tif", scene("standard", frames=50))

locs = limelight.localize(
    "movie.tif",
    fit="mle",
    box=7,
    baseline=100,  # mean count in the dark
    sensitivity=1.0,  # photoelectrons per count
    pixel_size=100,  # nm
    save=True,  # movie_locs.hdf5 and movie_locs.yaml, beside the movie
)
print(locs)
print(locs.table[["x", "y", "photons", "sx", "lpx"]].describe().loc[["mean", "50%"]])

again = limelight.load_localizations("movie_locs.hdf5")
assert again.table.equals(locs.table)
print("Median precision:", float(again.table["lpx"].median()) * again.pixel_size_nm, "nm")
