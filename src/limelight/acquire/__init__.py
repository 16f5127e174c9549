"""Acquire: microscope to frames: events, engine, hooks, processors, storage, simulated scope.

.. code-block:: python

    from limelight import Acquisition, Core, multi_d_acquisition_events, start_headless

    start_headless(config_file="demo")            # or "simulated", or a configuration file
    with Acquisition("data", "name", format="ndtiff", processors=["..."]) as acq:
        acq.acquire(multi_d_acquisition_events(num_time_points=100))
    dataset = acq.get_dataset()

What docks and commands build on:

=============================  ==================================================================
``find_core()``                the core in use (a ``UniMMCore``), made and kept on the first call;
                               ``load=False``: without loading the demonstration microscope
``load_configuration(core,     load a file, ``"demo"`` or ``"simulated"``; raises `FileError`
what, micromanager=None)``
``Acquisition(...)``           starts its threads at once; ``acquire(events)``, ``mark_finished()``,
                               ``pause(True | False)``, ``abort()``, ``await_completion(timeout)``
``acq.status``                 a `Status`: phase, acquired, saved, expected, rate, remaining_s,
                               skipped, overflows, failed, messages, finish_reason, path,
                               ms_per_frame
``acq.latest``                 newest frame after all processors: poll it from a timer
``acq.get_dataset()``          the growing `Dataset`
``acq.results``                ``readings[name]`` (`Readings`), ``localizations(name)``
``recover_results(folder)``    write the tables of an acquisition that was killed
``acq.continue_in(folder)``    go on after the disk was full (``on_storage_error="pause"``)
``acq.request(Request(...))``  set properties or focus between two frames, queue events, stop
``acquire_job(acq, events)``   all of it as a Job; ``Progress.partial`` is the `Status`
``estimate(events, core,``     images, bytes and seconds that events will take, and what is free on
``directory)``                 the disk
``load_sequence(path)``        events of a useq file (YAML, JSON), or of a list of events (JSON)
=============================  ==================================================================

Axes are called ``time``, ``position``, ``channel``, ``z``, ``row``, ``column`` and, with several
cameras at once, ``camera``.  Image metadata has Pycro-Manager's keys, ``Axes`` among them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Acquisition": "acquisition",
    "Bridge": "bridge",
    "Core": "core_access",
    "Dataset": "dataset",
    "Estimate": "estimating",
    "EventQueue": "event_queue",
    "EventsFuture": "notifications",
    "Failure": "status",
    "LabelImages": "label_images",
    "Notification": "notifications",
    "Status": "status",
    "acquire_job": "job",
    "as_event_dicts": "events",
    "estimate": "estimating",
    "find_core": "core_access",
    "load_configuration": "core_access",
    "load_sequence": "events",
    "multi_d_acquisition_events": "multi_d",
    "recover_results": "keeping",
    "start_headless": "core_access",
}

__all__ = [
    "Acquisition",
    "Bridge",
    "Core",
    "Dataset",
    "Estimate",
    "EventQueue",
    "EventsFuture",
    "Failure",
    "LabelImages",
    "Notification",
    "Status",
    "acquire_job",
    "as_event_dicts",
    "estimate",
    "find_core",
    "load_configuration",
    "load_sequence",
    "multi_d_acquisition_events",
    "recover_results",
    "start_headless",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
