"""Puts a planned table into the kernel of one network namespace, and keeps it there."""
