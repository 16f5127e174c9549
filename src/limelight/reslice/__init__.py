"""Reslice: point spread functions, live and recorded: views, beads, calibration."""
