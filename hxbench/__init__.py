"""hxbench: a benchmark suite for parameter-efficient transfer learning."""

__version__ = "0.1.0"
