"""The picture of the README: the mixed-language block of Hyper-X's Table 2 in the lab, light and dark.

    python docs/assets/main_result.py        # reads results/reference, writes docs/assets/main-result*.svg

PSF is left out: it answers in five languages alone, where the others answer in fifteen.
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

import hxbench

HERE = Path(__file__).parent
METHODS = {
    "mBERT": "full fine-tuning", "MAD-X MS": "MAD-X MS", "HX-Small": "Hyper-X Small", "HX-Base": "Hyper-X Base",
}  # fmt: skip
PANELS = {"POS accuracy": "POS tagging, accuracy", "NER F1": "NER, F1"}
GROUPS = {"SEEN": ("o", 0.13), "UNSEEN": ("s", -0.13)}  # marker, and how far above the line of the method
LOOKS = {
    "main-result.svg": {"text": "#1f2430", "faint": "#8a90a0", "SEEN": "#0072B2", "UNSEEN": "#D55E00"},
    "main-result-dark.svg": {"text": "#e6e9f2", "faint": "#9aa0b4", "SEEN": "#56B4E9", "UNSEEN": "#E69F00"},
}

table = hxbench.table("hyperx", 2, store=HERE.parents[1] / "results" / "reference", profile="lab").frame()
block = table[table.block == "Mixed-language multi-task"].set_index(["group", "column", "row"])
mpl.rcParams.update(
    {"svg.hashsalt": "hxbench", "svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif"}
)
for file, look in LOOKS.items():
    figure, panels = plt.subplots(1, 2, figsize=(8.2, 2.7), sharey=True, layout="constrained")
    for axes, (panel, title) in zip(panels, PANELS.items(), strict=True):
        for group, (marker, above) in GROUPS.items():
            cells = [block.loc[panel, group, method] for method in METHODS]
            lines = [place + above for place in range(len(METHODS))]
            axes.errorbar(
                [cell["mean"] for cell in cells], lines, xerr=[cell["sd"] for cell in cells], fmt=marker,
                color=look[group], markersize=6, elinewidth=1.4, capsize=2.5, label=f"{group}, ours ± s.d.",
            )  # fmt: skip
            axes.plot(
                [cell["published"] for cell in cells], lines, marker, markerfacecolor="none",
                markeredgecolor=look["faint"], markersize=6, linestyle="none", label=f"{group}, published",
            )  # fmt: skip
        axes.set_title(title, color=look["text"], fontsize=10, loc="left")
        axes.set_yticks(range(len(METHODS)), list(METHODS.values()))
        axes.set_xlim(0, 100)
        axes.tick_params(colors=look["text"], length=0)
        axes.grid(axis="x", color=look["faint"], alpha=0.3, linewidth=0.6)
        for name, spine in axes.spines.items():
            spine.set_visible(name == "bottom")
            spine.set_color(look["faint"])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, ncols=4, loc="outside lower center", frameon=False, labelcolor=look["text"], fontsize=9,
    )  # fmt: skip
    figure.savefig(HERE / file, transparent=True, metadata={"Date": None})
    plt.close(figure)
    print(HERE / file)
