"""Find and measure nuclei and cells in all images of a folder."""

from pathlib import Path

import pandas as pd
import tifffile

from limelight.core.simulate import simulate_cells
from limelight.segment import batch_job, find_fields, load_pipeline, run

# Two fields in two channels, as a microscope would leave them.
Path("images").mkdir()
for site in (1, 2):
    field = simulate_cells(512, 40, seed=site)
    tifffile.imwrite(f"images/site{site}_DAPI.tif", field.nuclei)
    tifffile.imwrite(f"images/site{site}_Cell.tif", field.cells)

pipeline = load_pipeline("nuclei-cells").configure("segment_primary", diameter=24)
fields = find_fields("images", [channel.name for channel in pipeline.channels])
result = run(batch_job(pipeline, fields, "results"))

for field in result.fields:
    print(field.name, field.state, dict(field.counts))
cells = pd.read_csv("results/features_Cells.csv")
print(cells[["Morphology_area", "Intensity_mean_Cell", "Neighbours_count"]].describe())
