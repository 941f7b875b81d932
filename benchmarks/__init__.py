"""Measurements, run by hand (`make bench`): never timed tests. Quote ratios measured in one run."""
