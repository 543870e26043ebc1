"""`hxbench cost`: parameters, FLOPs and memory from configuration alone."""

from typing import Annotated

import typer

from hxbench.cli import options


def cost_command(
    method: Annotated[str, typer.Argument(help="A method recipe (hxbench list methods).")],
    profile: options.Profile = "paper",
    backbone: options.BackboneName = None,
    setting: Annotated[str, typer.Option(help="single, multi or mixed: how many tasks there are.")] = "multi",
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    as_json: options.Json = False,
) -> None:
    """Count what a method trains on a backbone, without weights and without a download."""
    from hxbench import recipe
    from hxbench.stages.assemble import costs, with_options

    spec = recipe.resolve(
        method,
        setting=setting,
        task="ner" if setting == "single" else None,
        partition="a" if setting == "mixed" else None,
        profile=profile,
        variant=variant,
        backbone_name=backbone,
        assignments=assign or (),
    )
    found = costs(with_options(spec))
    if as_json:
        import json

        given = {"setting": setting, "profile": profile, "variant": variant}
        print(json.dumps({"method": spec.method, "backbone_name": spec.backbone.name, **given, **found}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{spec.method} on {spec.backbone.name} (profile {profile})", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("parameters as the paper counts them", f"{found['counted']:,}")
    table.add_row("parameters trained", f"{found['trainable']:,}")
    for name, size in found["parts"].items():
        table.add_row(f"  {name.replace('_', ' ')}", f"{size:,}")
    table.add_row("backbone parameters", f"{found['backbone']:,}")
    table.add_row("forward FLOPs per token", f"{found['flops_per_token']:,}")
    table.add_row("forward FLOPs once a batch", f"{found['flops_per_batch']:,}")
    for name, size in found["memory_bytes"].items():
        table.add_row(f"memory in fp32: {name}", f"{size / 2**20:,.0f} MiB")
    Console().print(table)
