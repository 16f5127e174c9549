"""Files with random damage: one sentence or a whole result, never a crash or a hang.

The mutated files are read in a process of their own, because a damaged file could end it: then the
test tells which one did.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from limelight.core.pool import each

_HERE = Path(__file__)
_MOVIES = ("ims", "pyme", "hdf5", "dax", "nd2", "ndtiff", "zarr2", "zarr3")
_TABLES = ("picasso", "thunderstorm", "plain", "rapidstorm", "pyme", "smap", "decode", "smlm")
_KINDS = (*(f"movie-{k}" for k in _MOVIES), *(f"table-{k}" for k in (*_TABLES, "parquet")))
_SECONDS = 60  # for one file; most take ms, but HDF5 asks for 4 GB for a text with a wrong length


def _load(name):
    spec = importlib.util.spec_from_file_location(f"_{name}", _HERE.with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _mutate(rng, body: bytes) -> bytes:
    """Return the bytes with one of six sorts of damage."""
    data = bytearray(body)
    sort = rng.integers(6)
    size = len(data)
    if sort == 0:
        return bytes(data[: rng.integers(0, size + 1)])
    if sort == 1:
        for place in rng.integers(0, size, rng.integers(1, 9)):
            data[place] ^= 1 << int(rng.integers(8))
    elif sort == 2:
        for place in rng.integers(0, size, rng.integers(1, 5)):
            data[place] = int(rng.choice([0, 1, 127, 128, 255]))
    elif sort == 3:
        a, b = sorted(rng.integers(0, size, 2).tolist())
        del data[a : min(b, a + 64)]
    elif sort == 4:
        place = int(rng.integers(0, size))
        data[place:place] = rng.integers(0, 256, int(rng.integers(1, 64)), "u1").tobytes()
    else:
        # Often the header is what is read first.
        place = int(rng.integers(0, min(size, 2048)))
        data[place : place + 8] = rng.integers(0, 256, 8, "u1").tobytes()
    return bytes(data)


def run(kind: str, count: int, folder: Path, seed: int) -> None:
    """Read mutated files; print a JSON line per failure, and one with the counts at the end."""
    import time
    import warnings

    import numpy as np

    from limelight.core.errors import FileError, LimelightError
    from limelight.io import load_table, open_movie, save_table

    warnings.simplefilter("ignore")
    family, name = kind.split("-")
    if family == "movie":
        files = _load("conftest")
        makers = {
            "pyme": files.write_pyme,
            "zarr2": lambda f: files.write_zarr(f, 2),
            "zarr3": lambda f: files.write_zarr(f, 3),
        }
        path = makers.get(name, getattr(files, f"write_{name}", None))(folder)
        frames = files.FRAMES[:, 0]
    else:
        tables = _load("test_tables")
        locs = tables.some_table(20)
        path = save_table(locs, folder / f"a{tables.SUFFIXES[name]}")
    whole = {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    # What is read is damaged, not what merely lies beside it.
    targets = [p for p in whole if not p.name.endswith((".csv.yaml", ".yaml"))]
    rng = np.random.default_rng(seed)
    counts: dict[str, float] = {"read": 0, "refused": 0, "slowest": 0.0}
    for k in range(count):
        victim = targets[int(rng.integers(len(targets)))]
        victim.write_bytes(_mutate(rng, whole[victim]))
        print(json.dumps({"reading": k}), file=sys.stderr, flush=True)
        start = time.perf_counter()
        try:
            if family == "movie":
                with open_movie(path) as movie:
                    pixels = movie.read(0, min(len(movie), 64))
                    assert pixels.shape[1:] == movie.shape[1:]
                    assert pixels.shape[0] <= max(len(frames), 64)
                    movie.frame_metadata(0)
            else:
                table = load_table(path)
                assert len(table.columns) >= 3
                assert np.isfinite(table["x"]).all()
            counts["read"] += 1
        except FileError as error:
            counts["refused"] += 1
            text = str(error)
            if "\n" in text or len(text) > 700 or not error.path.name:
                print(json.dumps({"file": k, "message": text}), flush=True)
        except LimelightError as error:
            print(json.dumps({"file": k, "other": repr(error)}), flush=True)
        except Exception as error:
            import traceback

            trace = traceback.format_exc().splitlines()[-8:]
            print(json.dumps({"file": k, "error": repr(error)[:300], "trace": trace}), flush=True)
        counts["slowest"] = max(counts["slowest"], took := time.perf_counter() - start)
        if took > _SECONDS:
            print(json.dumps({"file": k, "seconds": took}), flush=True)
        victim.write_bytes(whole[victim])
    print(json.dumps(counts), flush=True)


def _check(kind: str, count: int, folder: Path, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(_HERE), kind, str(count), str(folder), str(seed)],
        capture_output=True,
        text=True,
        timeout=120 + count * 0.5,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = done.stderr.splitlines()[-1:] if done.returncode else []
    assert done.returncode == 0, f"the process ended ({done.returncode}) at {last}; {lines[-3:]}"
    *failures, counts = lines
    assert not failures, failures[:3]
    assert counts["refused"] and counts["read"] + counts["refused"] == count, counts


@pytest.mark.parametrize("kind", _KINDS)
def test_damaged_files(tmp_path, kind):
    _check(kind, 50, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", _KINDS)
def test_ten_thousand_damaged_files(tmp_path, kind):
    seeds = (2, 3)  # a process each
    for seed in seeds:
        (tmp_path / str(seed)).mkdir()
    each(lambda seed: _check(kind, 10_000 // len(seeds), tmp_path / str(seed), seed), seeds, 2)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
