"""The parts of the Live page: what is run, how it is asked for, and what is done with it."""
