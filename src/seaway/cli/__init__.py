"""The command line: parse flags, call, print. One module a verb."""
