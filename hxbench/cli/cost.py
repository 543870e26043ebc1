"""`hxbench cost`: parameters, FLOPs and memory from configuration alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from hxbench.cli import options

if TYPE_CHECKING:
    from hxbench.spec import RunSpec


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
    suite: options.Suite = None,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    as_json: options.Json = False,
) -> None:
    """Count what a method trains on a backbone, without weights and without a download."""
    from hxbench import recipe
    from hxbench.stages.assemble import costs, with_options
    from hxbench.tasks import SUITES

    known: recipe.MethodRecipe = recipe.load("methods", method)
    is_text = recipe.scale(profile, known.ground).is_text
    if suite and not is_text:
        from hxbench.errors import InputError

        raise InputError(f"--suite only applies to text-to-text methods, not to {method}.")
    if setting is None:
        setting = "multi" if "multi" in known.settings else known.settings[0]
    spec = recipe.resolve(
        method,
        setting=setting,
        task="rte" if is_text else "ner",  # stays out of the spec of a model that has several
        partition="a" if setting == "mixed" else None,
        suite=suite or SUITES[0],
        profile=profile,
        variant=variant,
        backbone_name=backbone,
        assignments=assign or (),
    )
    found = costs(with_options(spec))
    plain = variant == "paper" and not assign
    per_task = _per_task(spec, found["counted"], plain) if is_text else {}
    if as_json:
        from hxbench.cli.rows import print_json

        given = {"setting": setting, "profile": profile, "variant": variant}
        print_json(
            {"method": spec.method, "backbone_name": spec.backbone.name, **given, **found, **per_task}, indent=1
        )
        return
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
    print(f"{spec.method} on {spec.backbone.name} (profile {profile}):\n")
    for name, value in rows:
        print(f"{name:36} {value:>16}")


def _per_task(spec: "RunSpec", counted: int, plain: bool) -> dict[str, int]:
    """Return the count per task; where the backbone is that of the paper also its own figures, if it has any.

    They stand beside the `plain` recipe only: with other options the formula would be of another model.
    """
    from hxbench import recipe
    from hxbench.report.pha.cells import printed_parameters
    from hxbench.report.pha.parameters import per_task
    from hxbench.report.pha.rows import TABLE1

    tasks = len(spec.tasks)
    values: dict[str, int] = {"counted_per_task": round(counted / tasks)}
    if (
        not plain
        or spec.backbone.name != recipe.scale("paper", spec.paper).backbone
        or spec.suite not in (None, "glue")
    ):
        return values
    if (formula := per_task(spec.method)) is not None:
        values["formula_per_task"] = formula
    row = next((row for row in TABLE1 if row.method == spec.method), None)
    if row and (printed := printed_parameters(row.published)) is not None:
        values["published_per_task"] = round(printed)
    return values
