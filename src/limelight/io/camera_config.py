"""Camera configurations: YAML files as Picasso reads them, with one or several cameras.

.. code-block:: yaml

    Cameras:
      My camera:
        Baseline: 100
        Pixelsize: 130
        Sensitivity Categories: [PixelReadoutRate, Gain mode]
        Sensitivity:
          540 MHz:
            low noise: 0.29
            high capacity: 7.18
        Gain Property Name: EMGain
        Quantum Efficiency: {525: 0.8, 595: 0.82}

`Baseline`, `Sensitivity` and, beyond Picasso, `Read Noise` may also name a file with a map of one
value per pixel (``.npy`` or ``.tif``), relative to the folder of the configuration.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import CameraConfigError, FileError, ParameterError, suggest
from limelight.core.remarks import remark
from limelight.io.micromanager import camera_name, positive
from limelight.io.yaml_nodes import Node, read_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.core.movie import Movie

__all__ = [
    "ENVIRONMENT",
    "CameraConfig",
    "CameraEntry",
    "find_camera_config",
    "load_camera_config",
]

ENVIRONMENT = "LIMELIGHT_CAMERA_CONFIG"
"""Environment variable that names the camera configuration to use."""

_KEYS = (
    "Baseline",
    "Sensitivity",
    "Sensitivity Categories",
    "Gain Property Name",
    "Gain",
    "Read Noise",
    "Pixelsize",
    "Quantum Efficiency",
    "Channel Device",
)

Levels = float | Path | dict[str, Any]
"""A value, a map, or a choice among such by name."""


@dataclass(frozen=True)
class CameraEntry:
    """One camera of a configuration.

    Parameters
    ----------
    name : str
        As the camera calls itself in Micro-Manager's metadata.
    baseline, read_noise : float or path
        A value or the file of a map.
    sensitivity : float, path or nested dict
        A value, the file of a map, or one of them for each choice in each category.
    categories : tuple of str
        What the levels of `sensitivity` are: properties of the camera.
    gain : float
        EM gain where the metadata do not tell it.
    gain_property : str
        Property that tells the EM gain; may be empty.
    pixel_size_nm : float, optional
        Size of a pixel in the sample, nm.
    quantum_efficiency : float or dict
        A value, or one for each wavelength (nm); kept, not used.
    channel_device : dict
        How the emission wavelength is found; kept, not used.
    """

    name: str
    baseline: float | Path = 0.0
    sensitivity: Levels = 1.0
    categories: tuple[str, ...] = ()
    gain: float = 1.0
    gain_property: str = ""
    pixel_size_nm: float | None = None
    read_noise: float | Path = 0.0
    quantum_efficiency: float | dict[str, float] = 1.0
    channel_device: dict[str, Any] = field(default_factory=dict)

    def options(self, choices: Mapping[str, str] | None = None) -> dict[str, list[str]]:
        """Return what can be chosen in each category, for the drop-downs of a window.

        Parameters
        ----------
        choices : mapping, optional
            What was chosen; the options of a category depend on the choices before it.  The
            first option stands for a choice that is missing or impossible.
        """
        found: dict[str, list[str]] = {}
        level: Levels = self.sensitivity
        for category in self.categories:
            if not isinstance(level, dict):
                break
            found[category] = list(level)
            wanted = (choices or {}).get(category, "")
            level = level[wanted if wanted in level else next(iter(level))]
        return found

    def complete(self, choices: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return a choice for each category: the given ones, else the first option."""
        result: dict[str, str] = {}
        for category in self.categories:
            options = self.options(result).get(category, [])
            if options:
                wanted = (choices or {}).get(category, "")
                result[category] = wanted if wanted in options else options[0]
        return result

    def choices_in(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        """Return the choices that a movie's metadata tell; categories they do not are left out."""
        found: dict[str, str] = {}
        for category in self.categories:
            value = self._property(metadata, category)
            options = self.options(found).get(category, [])
            match = next((o for o in options if _same(o, value)), None)
            if match is None:
                break
            found[category] = match
        return found

    def gain_in(self, metadata: Mapping[str, Any]) -> float | None:
        """Return the EM gain that a movie's metadata tell, None if they do not."""
        if not self.gain_property:
            return None
        gain = positive(self._property(metadata, self.gain_property))
        return None if gain is None else max(gain, 1.0)

    def _property(self, metadata: Mapping[str, Any], name: str) -> Any:
        properties = _properties(metadata)
        label = camera_name(properties) or self.name
        for key in (f"{label}-{name}", f"{self.name}-{name}", name):
            if key in properties:
                return properties[key]
        return None

    def camera(
        self,
        choices: Mapping[str, str] | None = None,
        base: Camera | None = None,
        *,
        gain: float | None = None,
    ) -> Camera:
        """Return the camera.

        Parameters
        ----------
        choices : mapping, optional
            Choice for each category, else the first option.
        base : Camera, optional
            Where the pixel size comes from if the configuration does not tell it.
        gain : float, optional
            EM gain, if it is not that of the configuration.

        Raises
        ------
        FileError
            If the file of a map cannot be read.
        """
        base = base or Camera()
        level: Levels = self.sensitivity
        for choice in self.complete(choices).values():
            if isinstance(level, dict):
                level = level[choice]
        assert not isinstance(level, dict)
        efficiency = self.quantum_efficiency
        return Camera(
            name=self.name,
            baseline=_load(self.baseline),
            sensitivity=_load(level),
            gain=self.gain if gain is None else gain,
            pixel_size_nm=self.pixel_size_nm or base.pixel_size_nm,
            read_noise=_load(self.read_noise),
            quantum_efficiency=efficiency if isinstance(efficiency, float) else 1.0,
        )


def _same(option: str, value: Any) -> bool:
    if value is None:
        return False
    if option.strip() == str(value).strip():
        return True
    try:
        return float(option) == float(str(value))
    except ValueError:
        return False


def _properties(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = metadata.get("Micro-Manager Metadata")
    return inner if isinstance(inner, dict) else metadata


def _load(value: float | Path) -> float | NDArray[np.float32]:
    if not isinstance(value, Path):
        return value
    from limelight.io.opening import open_movie

    with open_movie(value) as movie:
        if len(movie) != 1:
            raise FileError(
                value,
                f"a map for a camera must be one image, not {len(movie)}.",
                "Save the mean (or variance) over the frames.",
            )
        image: NDArray[np.float32] = movie.read(0, 1)[0].astype(np.float32)
    return image


@dataclass(frozen=True)
class CameraConfig:
    """The cameras of a configuration.

    Parameters
    ----------
    path : path
        The file.
    cameras : dict
        The cameras by name, those of ``CameraPriority`` first.
    """

    path: Path
    cameras: dict[str, CameraEntry]

    @property
    def default(self) -> CameraEntry:
        """The first camera, taken where the metadata name none that is known."""
        return next(iter(self.cameras.values()))

    def entry(self, name: str) -> CameraEntry:
        """Return the camera of that name.

        Raises
        ------
        ParameterError
            If there is none.
        """
        if name not in self.cameras:
            raise ParameterError(
                f"{self.path.name} has no camera {name!r}. {suggest(name, self.cameras)}"
            )
        return self.cameras[name]

    def find(self, metadata: Mapping[str, Any]) -> CameraEntry | None:
        """Return the camera that a movie's metadata name, None if they name no known one."""
        names = [camera_name(_properties(metadata)), str(metadata.get("Camera") or "")]
        for name in filter(None, names):
            if name in self.cameras:
                return self.cameras[name]
            for known, entry in self.cameras.items():
                if known.casefold().strip() == name.casefold().strip():
                    return entry
        return None

    def match(self, metadata: Mapping[str, Any]) -> tuple[CameraEntry, dict[str, str]]:
        """Return the camera of a movie, and its choice in each category.

        Parameters
        ----------
        metadata : mapping
            Of the movie.

        Returns
        -------
        CameraEntry
            The camera that is named there, else the first.
        dict
            The choices that are told there, else the first option.
        """
        entry = self.find(metadata) or self.default
        return entry, entry.complete(entry.choices_in(metadata))

    def camera_for(self, movie: Movie) -> Camera:
        """Return the camera of a movie, as its metadata tell.

        Maps are cut to the region that Micro-Manager says was read out.

        Warns
        -----
        UserWarning
            If the camera or a read-out mode had to be guessed.
        """
        metadata = {"Camera": movie.camera.name, **movie.metadata}
        entry, choices = self.match(metadata)
        guessed = [
            f"{category} = {choices[category]!r}"
            for category in choices
            if category not in entry.choices_in(metadata)
        ]
        if self.find(metadata) is None and len(self.cameras) > 1:
            guessed.insert(0, f"camera = {entry.name!r}")
        if guessed:
            remark(
                f"{movie.name}: the metadata do not tell all that {self.path.name} asks for; "
                f"taken: {', '.join(guessed)}. Check the photon conversion.",
                stacklevel=2,
            )
        camera = entry.camera(choices, movie.camera, gain=entry.gain_in(metadata))
        return _crop(camera, movie)


def _crop(camera: Camera, movie: Movie) -> Camera:
    """Cut maps of the whole chip to the region that was read out."""
    shape = (movie.shape[1], movie.shape[2])
    if camera.shape in (None, shape):
        return camera
    region = re.fullmatch(
        r"(\d+)-(\d+)-(\d+)-(\d+)", str(_properties(movie.metadata).get("ROI", ""))
    )
    if region is None:
        return camera
    x, y, width, height = (int(n) for n in region.groups())
    if (height, width) != shape:
        return camera
    changes = {}
    for name in ("baseline", "sensitivity", "read_noise"):
        value = getattr(camera, name)
        if isinstance(value, np.ndarray):
            cut = value[y : y + height, x : x + width]
            if cut.shape != shape:
                return camera
            changes[name] = cut
    return camera.replace(**changes)


def find_camera_config() -> Path | None:
    """Return the camera configuration to use where none is given, None if there is none.

    Looked for are, in this order: the file that the environment variable
    ``LIMELIGHT_CAMERA_CONFIG`` names, ``cameras.yaml`` in the user's configuration folder of
    Limelight, and Picasso's ``~/.picasso/config.yaml``.
    """
    from platformdirs import user_config_path

    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser()
    places = (
        user_config_path("limelight", appauthor=False) / "cameras.yaml",
        Path.home() / ".picasso" / "config.yaml",
    )
    return next((p for p in places if p.is_file()), None)


def load_camera_config(path: str | Path | None = None) -> CameraConfig:
    """Read a camera configuration.

    Parameters
    ----------
    path : path, optional
        The file; where it is not given, see `find_camera_config`.

    Raises
    ------
    CameraConfigError
        If it is wrong; the message names line and key.
    FileError
        If it cannot be read, or there is none.
    """
    if path is None:
        path = find_camera_config()
        if path is None:
            raise FileError(
                "cameras.yaml",
                "there is no camera configuration.",
                f"Give its path, or set the environment variable {ENVIRONMENT}.",
            )
    path = Path(path).expanduser()
    root = read_nodes(path)
    items = dict(root.items())
    cameras: dict[str, CameraEntry] = {}
    if "Cameras" in items:
        cameras = {name: _entry(name, node, path) for name, node in items["Cameras"].items()}
        _known_keys(root, ("Cameras", "CameraPriority"))
    elif any(key in _KEYS for key in items):
        cameras = {"": _entry("", root, path)}
    else:
        # Without the key 'Cameras' what looks like a camera is one.
        cameras = {
            name: _entry(name, node, path)
            for name, node in items.items()
            if node.is_mapping and any(key in _KEYS for key, _ in node.items())
        }
        if not cameras:
            _known_keys(root, ("Cameras", "CameraPriority"))
    if not cameras:
        raise CameraConfigError(
            path, f"line {root.line}: there is no camera.", "It needs a key 'Cameras'."
        )
    if "CameraPriority" in items and not items["CameraPriority"].is_empty:
        first = [n for n in items["CameraPriority"].texts() if n in cameras]
        cameras = {n: cameras[n] for n in dict.fromkeys([*first, *cameras])}
    return CameraConfig(path, cameras)


def _known_keys(node: Node, known: tuple[str, ...]) -> None:
    """Raise for a key that is nearly a known one; others may be meant for other programs."""
    for key, child in node.items():
        if key not in known and (hint := suggest(key, known)).startswith("Did"):
            raise child.error("this key is not known.", hint)


def _entry(name: str, node: Node, path: Path) -> CameraEntry:
    if not node.is_mapping:
        raise node.error(f"a camera needs keys such as Baseline, not {node.shown}.")
    _known_keys(node, _KEYS)
    items = {key: child for key, child in node.items() if not child.is_empty}
    values: dict[str, Any] = {}
    if "Baseline" in items:
        values["baseline"] = _value(items["Baseline"], path)
    if "Read Noise" in items:
        values["read_noise"] = _value(items["Read Noise"], path, least=0.0)
    if "Sensitivity Categories" in items:
        values["categories"] = tuple(items["Sensitivity Categories"].texts())
    if "Sensitivity" in items:
        depth = len(values.get("categories", ()))
        values["sensitivity"] = _levels(items["Sensitivity"], path, depth)
        if not isinstance(values["sensitivity"], dict):
            values.pop("categories", None)
    elif values.get("categories"):
        raise items["Sensitivity Categories"].error(
            "there are categories, but no key 'Sensitivity' with their values.", "Add it."
        )
    if "Gain Property Name" in items:
        values["gain_property"] = items["Gain Property Name"].text()
    if "Gain" in items:
        values["gain"] = _number(items["Gain"], least=1.0)
    if "Pixelsize" in items:
        values["pixel_size_nm"] = _number(items["Pixelsize"], above=0.0)
    if "Quantum Efficiency" in items:
        efficiency = items["Quantum Efficiency"]
        values["quantum_efficiency"] = (
            {key: _number(child, above=0.0) for key, child in efficiency.items()}
            if efficiency.is_mapping
            else _number(efficiency, above=0.0)
        )
    if "Channel Device" in items and items["Channel Device"].is_mapping:
        values["channel_device"] = items["Channel Device"].value()
    return CameraEntry(name, **values)


def _number(node: Node, least: float | None = None, above: float | None = None) -> float:
    value = node.number()
    if value is None:
        raise node.error(f"must be a number, not {node.shown}.")
    if least is not None and value < least:
        raise node.error(f"must be {least:g} or more, not {value:g}.")
    if above is not None and value <= above:
        raise node.error(f"must be greater than {above:g}, not {value:g}.")
    return value


def _value(
    node: Node, path: Path, least: float | None = None, above: float | None = None
) -> float | Path:
    if node.number() is None and not node.is_mapping:
        text = node.text()
        if Path(text).suffix.lower() in (".npy", ".tif", ".tiff"):
            file = path.parent / Path(text).expanduser()
            if not file.is_file():
                raise node.error(f"there is no file {text}.", f"It is looked for as {file}.")
            return file
        raise node.error(
            f"must be a number, or the name of a .npy or .tif file with a map, not {node.shown}."
        )
    return _number(node, least, above)


def _levels(node: Node, path: Path, depth: int) -> Levels:
    if not node.is_mapping:
        # A single value serves all modes; within the choices every category has to be named.
        if depth and "Sensitivity" != node.keys[-1]:
            raise node.error("the choices of another category of 'Sensitivity Categories' follow.")
        return _value(node, path, above=0.0)
    if depth == 0:
        raise node.error(
            "there are more choices here than 'Sensitivity Categories' names.",
            "Name one category for each level.",
        )
    levels = {key: _levels(child, path, depth - 1) for key, child in node.items()}
    if not levels:
        raise node.error("there is nothing to choose from.")
    return levels
