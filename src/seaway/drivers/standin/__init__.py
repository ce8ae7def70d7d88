"""Stand-in workloads: every declared port of every pod without a program of its own is answered by this one process."""
