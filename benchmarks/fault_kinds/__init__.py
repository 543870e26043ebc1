"""The parts of `benchmarks/faults.py`: how a command is run and broken, what is right, and the kinds."""
