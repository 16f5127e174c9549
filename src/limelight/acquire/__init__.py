"""Acquire: microscope to frames: events, engine, hooks, processors, storage, simulated scope."""
