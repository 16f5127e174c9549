from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.core.errors import ParameterError
from limelight.core.job import run
from limelight.core.movie import ArrayMovie
from limelight.io import open_movie
from limelight.localize import LocalizeSettings, localize_job

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers on this machine, in this process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        yield cluster


def test_a_cluster_gives_the_same_to_the_bit(cluster, movie, tmp_path):
    path = tmp_path / "movie.npy"
    np.save(path, movie.read(0, len(movie)))
    settings = LocalizeSettings.of(detect="snr")
    here = run(localize_job(movie, settings, threads=1, block_frames=60))
    with open_movie(path) as on_disk:
        there = run(
            localize_job(
                on_disk,
                settings,
                camera=movie.camera,
                client=cluster.scheduler_address,
                block_frames=9,
            )
        )
    pd.testing.assert_frame_equal(there.table, here.table, check_exact=True)


def test_a_client_of_the_callers_stays_open(cluster, movie):
    short = ArrayMovie(movie.read(0, 6), movie.camera)
    with distributed.Client(cluster) as client:
        locs = run(localize_job(short, client=client, block_frames=2))
        assert len(locs) > 50 and client.status == "running"


def test_nobody_at_the_address_is_said(movie):
    with pytest.raises(ParameterError, match="No dask scheduler answers"):
        next(localize_job(movie, client="tcp://127.0.0.1:1"))
