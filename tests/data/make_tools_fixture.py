"""Let Picasso itself link, cluster and measure a small table: run with a Python that has picassosr.

    python tests/data/make_tools_fixture.py

It writes ``tools_locs.hdf5`` and ``.yaml`` (a small simulated table) and ``tools_expected.npz``
(what Picasso makes of it).
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
FRAMES, SIZE, PIXEL_NM = 600, 32, 100.0
LINK = (0.4, 2)  # px, dark frames
DBSCAN = (0.25, 6, 10)  # px, molecules in reach, molecules of a cluster
CIRCLE = (16.0, 16.0, 3.0)  # x, y, radius


def table() -> pd.DataFrame:
    """Return 60 sites that shine again and again while the sample drifts."""
    rng = np.random.default_rng(3)
    place = rng.uniform(3, SIZE - 3, (60, 2))
    events = 1100
    site, first = rng.integers(0, 60, events), rng.integers(0, FRAMES, events)
    length = rng.geometric(1 / 2.5, events)
    event = np.repeat(np.arange(events), length)
    frame = first[event] + np.arange(len(event)) - np.repeat(np.cumsum(length) - length, length)
    event, frame = event[frame < FRAMES], frame[frame < FRAMES]
    n = len(frame)
    drift = np.column_stack([frame / FRAMES * 1.2, np.sin(frame / FRAMES * 3) * 0.6])
    xy = place[site[event]] + rng.normal(0, 0.05, (n, 2)) + drift
    columns = {
        "frame": frame.astype(np.uint32),
        "x": xy[:, 0],
        "y": xy[:, 1],
        "photons": rng.lognormal(7, 0.4, n),
        "sx": rng.normal(1.2, 0.05, n),
        "sy": rng.normal(1.2, 0.05, n),
        "bg": rng.normal(20, 2, n),
        "lpx": 0.05 * rng.uniform(0.9, 1.1, n),
        "lpy": 0.05 * rng.uniform(0.9, 1.1, n),
    }
    data = pd.DataFrame(columns).astype({c: np.float32 for c in columns if c != "frame"})
    return data.sort_values("frame", kind="stable", ignore_index=True)


def main() -> None:
    """Write the table, and what Picasso makes of it."""
    from picasso import clusterer, io, postprocess

    locs = table()
    info = {
        "Byte Order": "<",
        "Data Type": "uint16",
        "File": "tools.raw",
        "Frames": FRAMES,
        "Height": SIZE,
        "Width": SIZE,
        "Pixelsize": PIXEL_NM,
    }
    path = HERE / "tools_locs.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("locs", data=locs.to_records(index=False), compression="gzip")
    path.with_suffix(".yaml").write_text(yaml.safe_dump(info), encoding="utf-8")

    locs, infos = io.load_locs(str(path))
    linked = postprocess.link(locs.copy(), infos, *LINK, remove_ambiguous_lengths=False)
    clusters, _ = clusterer.dbscan(locs.copy(), *DBSCAN)
    nena = postprocess.nena(locs.copy(), infos)[1]
    x, y, radius = CIRCLE
    inside = (locs.x - x) ** 2 + (locs.y - y) ** 2 < radius**2
    expected = {f"link_{c}": linked[c].to_numpy() for c in linked.columns}
    np.savez_compressed(
        HERE / "tools_expected.npz",
        **expected,
        dbscan_x=clusters["x"].to_numpy(),
        dbscan_frame=clusters["frame"].to_numpy(),
        dbscan_group=clusters["group"].to_numpy(),
        nena=float(nena),
        picked=int(inside.sum()),
    )


if __name__ == "__main__":
    main()
