"""Processes: the only place that knows everything. Debounce, build, publish, keep the last good."""
