"""Desired state of each engine, a pure function of the model. Transcribes; decides nothing."""
