"""The optical bench behind the simulated devices: lasers, sample, optics, and what a camera sees.

Devices only set numbers here; a camera asks for a frame.  All of it runs on the sample's clock, so
that a run repeats itself, whatever the computer's speed.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.simulate.optics import AstigmaticPSF
from limelight.core.simulate.sample import Drift, Dye, Sample, cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["CHANNELS", "SLIDES", "Bench", "Light", "bench_named", "current_bench", "standing_on"]

CHANNELS = ("A647", "Cy3B")
"""The dyes, each with its laser and its filter: filaments and rings."""

SLIDES = ("molecules", "beads")
"""What can lie on the stage."""

SENSOR = (512, 512)
WORLD = (1024, 1024)
PIXEL_NM = 100.0
BASELINE = 100.0
READ_NOISE = 1.4
REFERENCE_MW = 100.0
"""Readout power at which the dyes' own numbers hold, and at which the scope starts."""
START_ACTIVATION_MW = 1.0

_BEADS = 240  # on the whole slide; a quarter of them is seen
_BEAD_PHOTONS_PER_MS = 1000.0  # at reference power
_BEAD_DEPTH_NM = 25.0
_DEPTH_NM = 350.0
_FOCUS_NM = 250.0
_SIGMA = 1.25
_LEVELS = 64
_WIDEST = 8.0  # pixels; a blur beyond that is a haze anyhow
_REMEMBERED = 20_000
_NUMBERS = itertools.count(1)


@dataclass
class Light:
    """What the devices are set to; one instance per bench, written by devices, read by cameras."""

    readout_mw: list[float] = field(default_factory=lambda: [REFERENCE_MW, REFERENCE_MW])
    readout_on: list[bool] = field(default_factory=lambda: [True, False])
    activation_mw: float = START_ACTIVATION_MW
    activation_on: bool = True
    shutter_open: bool = True
    emission: int = 0
    cylinder: bool = False
    z_um: float = 0.0
    x_um: float = 0.0
    y_um: float = 0.0


class Bench:
    """A microscope with a sample on it.

    Parameters
    ----------
    seed : int
        Another seed gives another sample, and other blinks and noise.
    molecules : float
        Molecules of the first dye that give light to a frame of 10 ms at the powers that the
        lasers start with.
    background : float
        Mean background at reference power, photons per pixel and ms.

    Raises
    ------
    ParameterError
        If a number is out of range.
    """

    def __init__(self, seed: int = 0, molecules: float = 50.0, background: float = 1.5) -> None:
        self.name = f"bench {next(_NUMBERS)}"
        _BENCHES[self.name] = self
        self._lock = threading.RLock()
        self._moving: list[Callable[[], object]] = []
        self.light = Light()
        self.background = background
        self._dye = Dye()
        self._molecules = float(molecules)
        self._slide = SLIDES[0]
        self._drift = Drift(3.0, -2.0, 0.0, 2.0)
        self._seed = -1
        self.restart(seed)

    def restart(self, seed: int | None = None) -> None:
        """Put a fresh sample on the stage and set its clock to 0."""
        seed = self._seed if seed is None else int(seed)
        if seed < 0:
            raise ParameterError(f"The seed must be 0 or more, not {seed}.")
        with self._lock:
            if seed != self._seed:
                self._points, self._kinds = cell(WORLD, seed)
                self._haze = _haze(seed)
                self._beads, self._bead_light = _beads(seed)
            self._seed = seed
            self._sample = Sample(self._points, self._kinds, self._dyes(), self._drift, seed)
            self._taken = 0
            self._truth: deque[tuple[int, Floats]] = deque(maxlen=_REMEMBERED)
            self._tables: tuple[tuple[float, float], NDArray[np.uint16]] | None = None
            self._seen: tuple[tuple[int, ...], NDArray[np.uint8]] | None = None

    def _dyes(self) -> tuple[Dye, ...]:
        """Make both dyes blink as often as was asked for in the field that is seen."""
        dyes = []
        seen = (self._points[:, 0] < SENSOR[1]) & (self._points[:, 1] < SENSOR[0])
        for kind, part in enumerate((1.0, 0.6)):
            inside = max(int((seen & (self._kinds == kind)).sum()), 1)
            seen_s = (self._dye.on_ms + 10.0) / 1000.0
            rate = self._molecules * part / inside / seen_s
            dyes.append(
                replace(
                    self._dye,
                    spontaneous_per_s=0.25 * rate,
                    activated_per_s=0.75 * rate / START_ACTIVATION_MW,
                )
            )
        return tuple(dyes)

    # What can be set about the sample; takes effect at once, the clock goes on.

    @property
    def seed(self) -> int:
        """Seed of the sample."""
        return self._seed

    @property
    def seconds(self) -> float:
        """Time that was exposed, s."""
        return self._sample.seconds

    @property
    def bleach(self) -> float:
        """Probability that a blink is the last, at reference power."""
        return self._dye.bleach

    @bleach.setter
    def bleach(self, value: float) -> None:
        self._change(replace(self._dye, bleach=value))

    @property
    def molecules(self) -> float:
        """Molecules in a frame of 10 ms at the powers that the lasers start with."""
        return self._molecules

    @molecules.setter
    def molecules(self, value: float) -> None:
        if not value >= 0:
            raise ParameterError(f"The molecules per frame must be 0 or more, not {value}.")
        self._molecules = float(value)
        self._change(self._dye)

    @property
    def slide(self) -> str:
        """What lies on the stage: blinking molecules, or beads on a coverslip that glow steadily.

        Beads are seen in both channels, at random places and within 25 nm of one depth.
        """
        return self._slide

    @slide.setter
    def slide(self, value: str) -> None:
        if value not in SLIDES:
            raise ParameterError(f"The slide must be one of {', '.join(SLIDES)}, not {value!r}.")
        self._slide = value

    def _change(self, dye: Dye) -> None:
        with self._lock:
            self._dye = dye
            self._sample.dyes = self._dyes()

    @property
    def drift(self) -> Drift:
        """How the sample moves."""
        return self._drift

    @drift.setter
    def drift(self, value: Drift) -> None:
        with self._lock:
            self._drift = self._sample.drift = value

    @property
    def displacement_nm(self) -> Floats:
        """How far the sample has moved by itself: x, y, z in nm."""
        return self._sample.displacement_nm

    @property
    def camera(self) -> Camera:
        """What the simulated cameras' counts are worth."""
        return Camera(
            name="Simulated",
            baseline=BASELINE,
            sensitivity=1.0,
            pixel_size_nm=PIXEL_NM,
            read_noise=READ_NOISE,
        )

    def triggered(self, step: Callable[[], object], on: bool) -> None:
        """Call a function after every exposure of a camera sequence, or no longer."""
        with self._lock:
            if on and step not in self._moving:
                self._moving.append(step)
            elif not on and step in self._moving:
                self._moving.remove(step)

    def expose(
        self,
        milliseconds: float,
        roi: tuple[int, int, int, int],
        out: NDArray[np.uint16],
        *,
        binning: int = 1,
        emission: int | None = None,
        trigger: bool = False,
    ) -> int:
        """Take a frame; the sample's clock moves on by the exposure.

        Parameters
        ----------
        milliseconds : float
            Exposure, > 0.
        roi : tuple of int (y, x, height, width)
            Part of the sensor in its own, unbinned pixels.
        out : 2D array of uint16 (height // binning, width // binning)
            Is filled with counts.
        binning : int
            Pixels along each axis that are read out as one.
        emission : int, optional
            Dye that the camera sees; by default that of the filter in place.
        trigger : bool
            Whether devices that run a sequence go on to their next value afterwards.

        Returns
        -------
        int
            Number of the exposure, from 0.
        """
        from limelight.core.simulate.quick import add_photons, noise_kernel

        with self._lock:
            light = self.light
            kind = light.emission if emission is None else emission
            readout = [
                mw / REFERENCE_MW if on and light.shutter_open else 0.0
                for mw, on in zip(light.readout_mw, light.readout_on, strict=True)
            ]
            activation = light.activation_mw if light.activation_on and light.shutter_open else 0.0
            shift = self._shift()
            if self._slide == "beads":
                self._sample.expose(milliseconds, [0.0] * len(readout), 0.0)  # its clock goes on
                emitter = np.arange(len(self._beads))
                photons = self._bead_light * readout[kind] * milliseconds
                spots = self._place(self._beads, emitter, photons, shift, roi, light.cylinder)
            else:
                glow = self._sample.expose(milliseconds, readout, activation)[kind]
                spots = self._place(
                    self._points, glow.emitter, glow.photons, shift, roi, light.cylinder
                )
            number = self._taken
            self._taken += 1
            level = self._level(shift, roi)
            tables = self._noise(0.04 + self.background * readout[kind], milliseconds)
            rng = np.random.default_rng([self._seed, number])
            seed = np.uint64(rng.integers(0, 2**64, dtype=np.uint64))
            self._remember(number, spots, roi, binning, tables, level)
            if trigger:
                for step in list(self._moving):
                    step()
        x, y, photons, sigma_x, sigma_y = (np.ascontiguousarray(c) for c in spots[:5])
        full = out if binning == 1 else np.empty(level.shape, np.uint16)
        noise_kernel(level, tables, seed, full)
        add_photons(rng, full, x, y, photons, sigma_x, sigma_y)
        if binning > 1:
            height, width = out.shape
            blocks = full.reshape(height, binning, width, binning).astype(np.int64)
            summed = blocks.sum(axis=(1, 3)) - int(BASELINE) * (binning**2 - 1)
            out[:] = np.clip(summed, 0, 65535)
        return number

    def _shift(self) -> Floats:
        """Where the sample is against the optics: x, y in pixels, z in nm."""
        light = self.light
        stage = np.array((light.x_um, light.y_um)) * 1000.0
        moved = self._sample.displacement_nm
        return np.array((*((moved[:2] - stage) / PIXEL_NM), moved[2] - light.z_um * 1000.0))

    def _place(
        self,
        points: Floats,
        emitter: NDArray[np.int64],
        photons: Floats,
        shift: Floats,
        roi: tuple[int, int, int, int],
        cylinder: bool,
    ) -> Floats:
        """Return the spots of a frame: x, y, photons, sigma_x, sigma_y, z, emitter (7, n)."""
        top, left, height, width = roi
        x, y, z = (points[emitter] + shift).T
        margin = 4.0 * _WIDEST
        # the sample repeats itself, so that there is something to see wherever the stage goes
        x = (x - left + margin) % WORLD[1] - margin
        y = (y - top + margin) % WORLD[0] - margin
        near = (x < width + margin) & (y < height + margin) & (photons > 0)
        x, y, z = x[near], y[near], z[near]
        lens = AstigmaticPSF(_SIGMA, focus=_FOCUS_NM if cylinder else 0.0, depth=_DEPTH_NM)
        sigma_x, sigma_y = (np.minimum(s, _WIDEST) for s in lens.widths(z))
        return np.array((x, y, photons[near], sigma_x, sigma_y, z, emitter[near]))

    def _level(self, shift: Floats, roi: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """Return the haze in the field, as rows of the noise tables."""
        top, left, height, width = roi
        down, right = round(float(shift[1])), round(float(shift[0]))
        key = (down, right, *roi)
        if self._seen is None or self._seen[0] != key:
            rows = (np.arange(height) + top - down) % WORLD[0]
            columns = (np.arange(width) + left - right) % WORLD[1]
            self._seen = key, self._haze[rows[:, None], columns]
        return self._seen[1]

    def _noise(self, per_ms: float, milliseconds: float) -> NDArray[np.uint16]:
        from limelight.core.simulate.quick import noise_tables

        key = (per_ms, milliseconds)
        if self._tables is None or self._tables[0] != key:
            means = per_ms * milliseconds * np.linspace(0.5, 1.6, _LEVELS)
            self._tables = key, noise_tables(means, READ_NOISE, BASELINE)
            self._means = means
        return self._tables[1]

    def _remember(
        self,
        number: int,
        spots: Floats,
        roi: tuple[int, int, int, int],
        binning: int,
        tables: NDArray[np.uint16],
        level: NDArray[np.uint8],
    ) -> None:
        x, y = spots[:2]
        inside = (x >= -0.5) & (x < roi[3] - 0.5) & (y >= -0.5) & (y < roi[2] - 0.5)
        kept = spots[:, inside]
        at = level[
            np.rint(kept[1]).astype(int).clip(0, roi[2] - 1),
            np.rint(kept[0]).astype(int).clip(0, roi[3] - 1),
        ]
        kept = np.vstack((kept, self._means[at]))
        if binning > 1:
            kept[:2] = (kept[:2] + 0.5) / binning - 0.5
            kept[3:5] /= binning
            kept[7] *= binning**2
        self._truth.append((number, kept))

    @property
    def taken(self) -> int:
        """Exposures since the sample was put on the stage."""
        return self._taken

    def truth(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Where the molecules were, one row per molecule and exposure.

        Parameters
        ----------
        start, stop : int
            Numbers of the exposures, stop excluded; by default all of the last 20,000.

        Returns
        -------
        DataFrame
            The columns of `limelight.core.simulate.movie.SimulatedMovie.truth`, in pixels of the
            frame as it was read out; ``frame`` is the number of the exposure.
        """
        import pandas as pd

        from limelight.core.simulate.movie import TRUTH_COLUMNS

        with self._lock:
            chosen = [(n, t) for n, t in self._truth if n >= start and (stop is None or n < stop)]
        if not chosen:
            return pd.DataFrame({name: np.empty(0) for name in TRUTH_COLUMNS})
        frame = np.repeat([n for n, _ in chosen], [t.shape[1] for _, t in chosen])
        x, y, photons, sx, sy, z, emitter, bg = np.concatenate([t for _, t in chosen], axis=1)
        columns = (frame, emitter.astype(np.int64), x, y, z, photons, sx, sy, bg)
        return pd.DataFrame(dict(zip(TRUTH_COLUMNS, columns, strict=True)))


def _haze(seed: int) -> NDArray[np.uint8]:
    """Clouds over the whole sample, without a seam where it repeats itself."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(4,)))
    coarse = gaussian_filter(rng.normal(size=(128, 128)), 5.0, mode="wrap")
    fine = np.kron(coarse, np.ones((8, 8)))
    cloud = gaussian_filter(fine, 6.0, mode="wrap")
    cloud = (cloud - cloud.min()) / np.ptp(cloud)
    return np.asarray(np.rint(cloud * (_LEVELS - 1)), np.uint8)


def _beads(seed: int) -> tuple[Floats, Floats]:
    """Return where beads lie (x, y in pixels, z in nm), and their photons per ms."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    low, high = (0.0, 0.0, -_BEAD_DEPTH_NM), (*WORLD[::-1], _BEAD_DEPTH_NM)
    place = rng.uniform(low, high, (_BEADS, 3))
    return place, _BEAD_PHOTONS_PER_MS * rng.uniform(0.7, 1.3, _BEADS)


_BENCHES: weakref.WeakValueDictionary[str, Bench] = weakref.WeakValueDictionary()
_SHARED = "shared"
_CHOSEN = threading.local()
_LOCK = threading.Lock()


@contextmanager
def standing_on(bench: Bench) -> Iterator[Bench]:
    """Let the devices that this thread makes meanwhile stand on this bench."""
    before = getattr(_CHOSEN, "bench", None)
    _CHOSEN.bench = bench
    try:
        yield bench
    finally:
        _CHOSEN.bench = before


def current_bench() -> Bench:
    """Return the bench for a new device: the chosen one, else one that all others share.

    The shared bench lasts as long as a device stands on it.
    """
    chosen: Bench | None = getattr(_CHOSEN, "bench", None)
    if chosen is not None:
        return chosen
    with _LOCK:
        shared = _BENCHES.get(_SHARED)
        if shared is None:
            shared = Bench()
            shared.name = _SHARED
            _BENCHES[_SHARED] = shared
        return shared


def bench_named(name: str) -> Bench | None:
    """Return the bench of that name, if it is still there."""
    return _BENCHES.get(name)
