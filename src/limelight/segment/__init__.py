"""Segment: from pixels to objects to features: modules, pipelines, batches."""
