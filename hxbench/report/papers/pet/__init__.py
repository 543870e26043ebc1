"""The tables and figures of PET scaling (Su et al., 2023)."""
