"""`hxbench cost`: parameters, FLOPs and memory from configuration alone."""

from typing import Annotated

import typer

from hxbench.cli import options
from hxbench.cli.output import print_columns, print_json


def cost_command(
    method: Annotated[str, typer.Argument(help="A method recipe (hxbench list methods).")],
    profile: options.Profile = "paper",
    backbone: options.BackboneName = None,
    setting: Annotated[
        str | None,
        typer.Option(
            help="single, multi or mixed: how many tasks there are.", show_default="multi if the method has it"
        ),
    ] = None,
    suite: options.Suite = None,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    as_json: options.Json = False,
) -> None:
    """Count what a method trains on a backbone, without weights and without a download."""
    from hxbench.report import parameters_per_task
    from hxbench.runs.assemble import costs, with_options
    from hxbench.spec import recipe

    known: recipe.MethodRecipe = recipe.load("methods", method)
    if setting is None:
        setting = "multi" if "multi" in known.settings else known.settings[0]
    spec, *_ = recipe.expand(  # the first model of a setting speaks for it
        method, setting=setting, suite=suite, profile=profile, variant=variant, backbone_name=backbone,
        assignments=assign or (),
    )  # fmt: skip
    found = costs(with_options(spec))
    plain = variant == "paper" and not assign
    per_task = parameters_per_task(spec, found["counted"], plain=plain) if spec.answers_texts else {}
    if as_json:
        given = {"setting": setting, "profile": profile, "variant": variant}
        print_json(
            {"method": spec.method, "backbone_name": spec.backbone.name, **given, **found, **per_task}, indent=1
        )
        return
    print(f"{spec.method} on {spec.backbone.name} (profile {profile}):\n")
    rows = [
        ("parameters as the paper counts them", f"{found['counted']:,}"),
        *((name.replace("_", " "), f"{value:,}") for name, value in per_task.items()),
        ("parameters trained", f"{found['trainable']:,}"),
        *((f"  {name.replace('_', ' ')}", f"{size:,}") for name, size in found["parts"].items()),
        ("backbone parameters", f"{found['backbone']:,}"),
        ("forward FLOPs per token", f"{found['flops_per_token']:,}"),
        ("forward FLOPs once a batch", f"{found['flops_per_batch']:,}"),
        *((f"memory in fp32: {name}", f"{size / 2**20:,.0f} MiB") for name, size in found["memory_bytes"].items()),
    ]
    print_columns(rows, (False, True))
