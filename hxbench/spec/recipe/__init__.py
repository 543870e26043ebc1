"""YAML recipes → run specs.

Five kinds of recipe, each a closed schema: families, backbones, methods, profiles and experiments. Layers, later
ones win: profile, method, the method's own scaling for that profile and there for the backbone's family, its
variant likewise, the command line. What variants are, paper by paper, is told in `variants`.
"""

from hxbench.spec.recipe.assignments import parse_assignments
from hxbench.spec.recipe.reading import (
    OWN_FAMILY,
    OnGround,
    backbone,
    backbone_asked,
    entry_digest,
    family,
    family_in,
    load,
    merge,
    own_data,
    paper_of,
    papers,
    read_yaml,
    recipe_names,
    scale,
)
from hxbench.spec.recipe.resolving import chosen_models, expand, resolve, stacks_of
from hxbench.spec.recipe.schema import (
    Criteria,
    ExperimentBlock,
    ExperimentRecipe,
    FewShotRecipe,
    MethodRecipe,
    Override,
    PaperScale,
    ProfileRecipe,
    VariantRecipe,
)
from hxbench.spec.recipe.unfolding import at_profile, unfold

__all__ = [
    "OWN_FAMILY", "Criteria", "ExperimentBlock", "ExperimentRecipe", "FewShotRecipe", "MethodRecipe",
    "OnGround", "Override", "PaperScale", "ProfileRecipe", "VariantRecipe", "at_profile", "backbone",
    "backbone_asked", "chosen_models", "entry_digest", "expand", "family", "family_in", "load", "merge",
    "own_data", "paper_of", "papers", "parse_assignments", "read_yaml", "recipe_names", "resolve", "scale",
    "stacks_of", "unfold",
]  # fmt: skip
