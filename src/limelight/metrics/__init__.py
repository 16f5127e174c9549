"""Metrics: every result remembered, compared and watched."""
