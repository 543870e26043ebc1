"""Pictures of figures: PNG, SVG and PDF with matplotlib, which is imported when the first one is drawn."""

from hxbench.report.draw.sheet import pictures

__all__ = ["pictures"]
