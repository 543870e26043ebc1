"""What is done with runs: so far who does them (`scheduler`)."""
