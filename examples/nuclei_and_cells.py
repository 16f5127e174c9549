"""From pixels to a table of cells: nuclei, the cells around them, and what they are like."""

import pandas as pd

from limelight.core import features, image
from limelight.core.simulate import simulate_cells

field = simulate_cells(512, 45, radius=14, seed=2)

nuclei = image.primary_objects(field.nuclei, diameter=28)
smooth = image.smooth(field.cells, "gaussian", 2)
cells = image.secondary_objects(nuclei, smooth)
cytoplasm = image.segment_tertiary(cells, nuclei)

table = pd.concat(
    [
        features.measure_morphology(cells),
        features.measure_intensity(cells, field.cells, "Actin"),
        features.measure_intensity(nuclei, field.nuclei, "DAPI").add_prefix("Nuclei_"),
        features.measure_texture(cells, field.cells, "Actin", haralick=True, scales=(1,)),
        features.measure_neighbours(cells, 3),
        image.object_table(cells)[["is_border"]],
    ],
    axis=1,
)
table.to_csv("cells.csv")

print(f"{len(table)} cells, {int(table['is_border'].sum())} of them at the border")
print(f"F1 of the nuclei: {image.f1_score(nuclei, field.nuclei_labels):.2f}")
print(table[["Morphology_area", "Intensity_mean_Actin", "Neighbours_count"]].describe().round(1))
