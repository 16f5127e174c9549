"""Access to the microscope: which core is in use, and the core under Pythonic names."""

from __future__ import annotations

import atexit
import contextlib
import re
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.acquire.loading import told_once
from limelight.core.errors import FileError, LimelightError, ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Core", "TaggedImage", "find_core", "load_configuration", "start_headless"]

_lock = threading.RLock()
_kept: list[Any] = []
_running: weakref.WeakSet[Any] = weakref.WeakSet()
_cores: weakref.WeakSet[Any] = weakref.WeakSet()
_registered = False


def find_core(core: Any = None, *, load: bool = True) -> Any:
    """Return the core in use; the first call makes it.

    Parameters
    ----------
    core : CMMCorePlus or Core, optional
        Is returned as it is.
    load : bool
        Load the demonstration microscope if nothing is loaded, so that a first script works.

    Returns
    -------
    pymmcore_plus.CMMCorePlus
        The core that napari's docks use too.
    """
    if isinstance(core, Core):
        core = core.core
    if core is None:
        with _lock:
            from limelight.acquire.mmcore import UniMMCore, running_core

            core = running_core()
            if core is None:
                core = UniMMCore.instance()
            if not any(kept is core for kept in _kept):
                _kept.append(core)  # pymmcore-plus itself holds it weakly
    _watch(core)
    if load and len(core.getLoadedDevices()) < 2:
        load_configuration(core, "demo")
    return core


def load_configuration(
    core: Any, configuration: str | Path = "demo", micromanager: str | Path | None = None
) -> None:
    """Load a microscope.

    Parameters
    ----------
    core : CMMCorePlus
        Where to load it.
    configuration : path or str
        A configuration file; ``"demo"`` for Micro-Manager's demonstration devices, ``"simulated"``
        for the simulated single-molecule microscope.
    micromanager : path, optional
        Folder of the Micro-Manager installation with the device adapters.

    Raises
    ------
    FileError
        If there is no such file, or a device in it cannot be loaded.
    """
    name = str(configuration)
    if micromanager is not None:
        folder = Path(micromanager).expanduser()
        if not folder.is_dir():
            raise FileError(folder, "there is no such folder.", "Give that of Micro-Manager.")
        core.setDeviceAdapterSearchPaths([str(folder), *core.getDeviceAdapterSearchPaths()])
    if name == "simulated":
        from limelight.acquire.scope import load_simulated

        load_simulated(core)
        return
    path: str | Path = "MMConfig_demo.cfg" if name == "demo" else Path(name).expanduser()
    if micromanager is not None and isinstance(path, Path) and not path.is_absolute():
        inside = Path(micromanager).expanduser() / path
        path = inside if not path.exists() and inside.exists() else path
    try:
        with told_once(core):
            core.loadSystemConfiguration(path)
    except FileNotFoundError as error:
        remedy = (
            "Install mm-test-adapters, which has the demonstration devices."
            if name == "demo"
            else "Give a file, 'demo' or 'simulated'."
        )
        raise FileError(name, "there is no such configuration.", remedy) from error
    except (RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        if "Incompatible device interface" in str(error):
            said += " (the adapters are of another version than pymmcore)"
        raise FileError(name, f"it could not be loaded: {said}", _adapter_remedy()) from error


def _adapter_remedy() -> str:
    return (
        "Check that the devices are on and connected, and that no other program uses them; the "
        "adapters are searched in the folder of Micro-Manager."
    )


class TaggedImage:
    """An image as the Java core gives it.

    Parameters
    ----------
    pix : 1D array
        Pixels, row after row.
    tags : dict
        What is known of it.
    """

    def __init__(self, pix: NDArray[Any], tags: dict[str, Any]) -> None:
        self.pix, self.tags = pix, tags


def _snake(name: str) -> str:
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()


class Core:
    """Micro-Manager's core: ``core.get_exposure()`` beside ``core.getExposure()``.

    Parameters
    ----------
    core : CMMCorePlus, optional
        Which; by default the one in use.
    convert_camel_case : bool
        False to have the names of the core only.

    Examples
    --------
    >>> core = Core()  # doctest: +SKIP
    >>> core.set_exposure(20)  # doctest: +SKIP
    >>> core.snap_image()  # doctest: +SKIP
    """

    def __init__(self, core: Any = None, convert_camel_case: bool = True, **_java: Any) -> None:
        object.__setattr__(self, "core", find_core(core))
        object.__setattr__(self, "_convert", convert_camel_case)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        core = object.__getattribute__(self, "core")
        if hasattr(core, name):
            return getattr(core, name)
        if object.__getattribute__(self, "_convert") and name in _pythonic(core):
            return getattr(core, _pythonic(core)[name])
        raise AttributeError(f"The core has no method {name!r}. {suggest(name, _pythonic(core))}")

    def __dir__(self) -> list[str]:
        names = [n for n in dir(self.core) if not n.startswith("_")]
        return sorted({*super().__dir__(), *names, *_pythonic(self.core)})

    def __repr__(self) -> str:
        return f"Core({self.core.getVersionInfo()}, camera {self.core.getCameraDevice()!r})"

    def get_tagged_image(self, camera: int = 0) -> TaggedImage:
        """Return the image that was snapped, flat, with its tags."""
        core = self.core
        channels = core.getNumberOfCameraChannels()
        pixels = core.getImage(camera) if channels > 1 else core.getImage()
        return _tagged(core, pixels, {})

    def pop_next_tagged_image(self) -> TaggedImage:
        """Return the next image of a sequence acquisition, flat, with its tags."""
        pixels, said = self.core.popNextImageAndMD()
        return _tagged(self.core, pixels, dict(said))

    def get_last_tagged_image(self) -> TaggedImage:
        """Return the newest image of a sequence acquisition, flat, with its tags."""
        pixels, said = self.core.getLastImageAndMD()
        return _tagged(self.core, pixels, dict(said))

    def get_core_callback(self, callback_fn: Callable[..., Any], **_java: Any) -> CoreCallback:
        """Have a function called with name and arguments of everything that the core tells."""
        return CoreCallback(self.core, callback_fn)


@dataclass
class CoreCallback:
    """A function that is called when the core tells something, until it is closed."""

    core: Any
    function: Callable[..., Any]

    def __post_init__(self) -> None:
        self._connected: list[tuple[Any, Any]] = []
        for name in (
            "propertyChanged",
            "channelGroupChanged",
            "configGroupChanged",
            "systemConfigurationLoaded",
            "pixelSizeChanged",
            "stagePositionChanged",
            "XYStagePositionChanged",
            "exposureChanged",
            "SLMExposureChanged",
        ):
            signal = getattr(self.core.events, name, None)
            if signal is not None:
                slot = self._slot(name)
                signal.connect(slot)
                self._connected.append((signal, slot))

    def _slot(self, name: str) -> Callable[..., None]:
        def slot(*arguments: Any) -> None:
            self.function(name, *arguments)

        return slot

    def close(self) -> None:
        """Call the function no more."""
        for signal, slot in self._connected:
            with contextlib.suppress(Exception):
                signal.disconnect(slot)
        self._connected.clear()


def _pythonic(core: Any) -> dict[str, str]:
    """Return the core's names by their Pythonic ones."""
    kind = type(core)
    if kind not in _PYTHONIC:
        _PYTHONIC[kind] = {_snake(n): n for n in dir(core) if not n.startswith("_")}
    return _PYTHONIC[kind]


_PYTHONIC: dict[type, dict[str, str]] = {}


def _tagged(core: Any, pixels: NDArray[Any], said: dict[str, Any]) -> TaggedImage:
    camera = core.getCameraDevice()
    tags: dict[str, Any] = {
        **said,
        "Width": pixels.shape[1],
        "Height": pixels.shape[0],
        "Camera": camera,
        "Exposure": core.getExposure(),
        "PixelSizeUm": core.getPixelSizeUm(True),
        "BitDepth": core.getImageBitDepth(),
        "PixelType": f"RGB{8 * core.getBytesPerPixel()}"
        if pixels.ndim == 3
        else f"GRAY{8 * pixels.dtype.itemsize}",
        "Channel": core.getCurrentConfig(core.getChannelGroup()) if core.getChannelGroup() else "",
    }
    with contextlib.suppress(RuntimeError):
        tags["ZPositionUm"] = core.getPosition()
    with contextlib.suppress(RuntimeError):
        tags["XPositionUm"], tags["YPositionUm"] = core.getXYPosition()
    return TaggedImage(pixels.ravel(), tags)


def start_headless(
    mm_app_path: str | Path | None = None,
    config_file: str | Path | None = None,
    java_loc: str | None = None,
    core_log_path: str | Path | None = None,
    buffer_size_mb: int | None = None,
    port: int | None = None,
    timeout: float | None = None,
    python_backend: bool | None = None,
    debug: bool = False,
    **_java: Any,
) -> Core:
    """Load a microscope without a window; scripts for Pycro-Manager call this first.

    Parameters
    ----------
    mm_app_path : path, optional
        Folder of Micro-Manager, for its device adapters; found by itself if not given.
    config_file : path or {"demo", "simulated"}, optional
        The configuration; by default the demonstration microscope.
    core_log_path : path, optional
        File for the core's log.
    buffer_size_mb : int, optional
        Size of the camera's buffer, megabytes.
    debug : bool
        Log what devices say.
    java_loc, port, timeout, python_backend
        Accepted and not used: there is no Java.

    Returns
    -------
    Core
        The core.

    Raises
    ------
    FileError
        If the configuration cannot be loaded.
    """
    core = find_core(load=False)
    stop_running(core)
    if core_log_path is not None:
        core.setPrimaryLogFile(str(core_log_path))
    if debug:
        core.enableDebugLog(True)
    if buffer_size_mb is not None:
        if buffer_size_mb < 1:
            raise ParameterError(f"buffer_size_mb must be 1 or more, not {buffer_size_mb}.")
        core.setCircularBufferMemoryFootprint(int(buffer_size_mb))
    load_configuration(core, config_file if config_file is not None else "demo", mm_app_path)
    return Core(core)


def stop_running(core: Any) -> None:
    """Abort the acquisitions of a core."""
    for acquisition in list(_running):
        if acquisition.core is core and acquisition.is_running:
            acquisition.abort()
            with contextlib.suppress(LimelightError):
                acquisition.await_completion(10.0)


def at_exit(acquisition: Any) -> None:
    """Have an acquisition ended before the interpreter is."""
    _running.add(acquisition)
    _watch(acquisition.core)


def _watch(core: Any) -> None:
    global _registered
    _cores.add(core)
    if not _registered:
        _registered = True
        atexit.register(_release)


def release_first() -> None:
    """Have the hardware freed before what is there by now is taken down, such as Qt."""
    atexit.unregister(_release)
    atexit.register(_release)


def _release() -> None:
    """End acquisitions and free the hardware.

    The core's own threads call back into Python, which aborts the process once the interpreter is
    gone; so they are told to call no more.
    """
    for acquisition in list(_running):
        if acquisition.is_running:
            acquisition.abort()
            with contextlib.suppress(BaseException):
                acquisition.await_completion(10.0)
    import pymmcore

    for core in list(_cores):
        with contextlib.suppress(Exception):
            if core.isSequenceRunning():
                core.stopSequenceAcquisition()
        with contextlib.suppress(Exception):
            core.unloadAllDevices()
        with contextlib.suppress(Exception):
            pymmcore.CMMCore.registerCallback(core, None)
    _kept.clear()
