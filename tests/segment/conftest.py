from __future__ import annotations

import numpy as np
import pytest

from limelight.segment import Channel, Pipeline, SavedObjects


@pytest.fixture
def nuclei():
    """Eight discs, two of which touch the border, on an uneven noisy ground."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:160, :200]
    image = 100 + 0.1 * x + rng.normal(0, 3, y.shape)
    for cy, cx, radius in [
        (30, 30, 10),
        (30, 80, 12),
        (30, 140, 9),
        (80, 40, 11),
        (85, 100, 13),
        (80, 160, 10),
        (140, 0, 12),
        (159, 120, 12),
    ]:
        image += 200 * ((y - cy) ** 2 + (x - cx) ** 2 <= radius**2)
    return image.astype(np.uint16)


@pytest.fixture
def pipeline():
    made = Pipeline("nuclei", "Nuclei by Otsu's threshold.", channels=(Channel("DAPI"),))
    made = made.add("smooth", filter_size=1.5).add("threshold_otsu").add("fill").add("label")
    made = made.add("register_objects", outputs={"objects": "Nuclei"})
    made = made.add("measure_intensity").add("measure_morphology")
    return Pipeline(
        made.name, made.description, "1", made.channels, (), made.steps, (SavedObjects("Nuclei"),)
    )
