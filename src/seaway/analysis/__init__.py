"""What follows from the model: verdicts with the lines that decided, without an engine."""
