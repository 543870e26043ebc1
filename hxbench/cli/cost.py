"""`hxbench cost`: parameters, FLOPs and memory from configuration alone."""

from typing import Annotated

import typer

from hxbench.cli import options


def cost_command(
    method: Annotated[str, typer.Argument(help="A method recipe (hxbench list methods).")],
    profile: options.Profile = "paper",
    backbone: options.BackboneName = None,
    setting: Annotated[
        str | None,
        typer.Option(
            help="single, multi or mixed: how many tasks there are.", show_default="multi, where it has it"
        ),
    ] = None,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    as_json: options.Json = False,
) -> None:
    """Count what a method trains on a backbone, without weights and without a download."""
    from hxbench import recipe
    from hxbench.stages.assemble import costs, with_options

    if setting is None:
        known = recipe.load("methods", method).settings
        setting = "multi" if "multi" in known else known[0]
    spec = recipe.resolve(
        method,
        setting=setting,
        task="ner",  # stays out of the spec of a model that has both
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
    rows = [
        ("parameters as the paper counts them", f"{found['counted']:,}"),
        ("parameters trained", f"{found['trainable']:,}"),
        *((f"  {name.replace('_', ' ')}", f"{size:,}") for name, size in found["parts"].items()),
        ("backbone parameters", f"{found['backbone']:,}"),
        ("forward FLOPs per token", f"{found['flops_per_token']:,}"),
        ("forward FLOPs once a batch", f"{found['flops_per_batch']:,}"),
        *((f"memory in fp32: {name}", f"{size / 2**20:,.0f} MiB") for name, size in found["memory_bytes"].items()),
    ]
    print(f"{spec.method} on {spec.backbone.name} (profile {profile}):\n")
    for name, value in rows:
        print(f"{name:36} {value:>16}")
