"""Certificates that Seaway itself makes."""
