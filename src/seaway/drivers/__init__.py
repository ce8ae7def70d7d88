"""The engines: each folder drives one, with a real and a fake driver under one contract suite."""
