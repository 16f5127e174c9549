"""Spread a localization over a dask cluster; the molecules are the same to the bit."""

from dask.distributed import Client, LocalCluster

import limelight
from limelight.core.simulate import scene
from limelight.io import write_tiff


def main() -> None:
    write_tiff("movie.tif", scene("standard", frames=60))
    here = limelight.localize("movie.tif", baseline=100)

    # A cluster on this computer; with a real one, give the address of its scheduler instead.
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        there = limelight.localize("movie.tif", baseline=100, client=client)

    assert there.table.equals(here.table)
    print(len(there), "molecules, here and there")


if __name__ == "__main__":
    main()
