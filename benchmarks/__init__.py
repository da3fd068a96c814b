"""Measured comparisons: ours and a baseline in the same run, as ratios. `python -m benchmarks`."""
