"""The tables and figures of PHA (Zhao et al., 2023)."""
