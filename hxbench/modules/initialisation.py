"""Initialisations that start adapters close to the identity, by the size of what they put out.

Those of PHA's published code, which was made from Hyperdecoder's (PHA sheet, section 4).
"""

from torch import nn

from hxbench.modules.adapter import Bottlenecks
from hxbench.modules.hypernetwork import BottleneckGenerator

GAIN = 1e-4  # of own adapters
SCALE = 1e-3  # of what a generator makes


def start_adapters(adapters: Bottlenecks, gain: float = GAIN) -> None:
    """Initialise adapters with parameters of their own: matrices Xavier-uniform with a gain, biases 0."""
    _, bottleneck, hidden = adapters.down.shape
    bound = gain * (6 / (bottleneck + hidden)) ** 0.5
    for matrix in (adapters.down, adapters.up):
        nn.init.uniform_(matrix, -bound, bound)
    for bias in (adapters.down_bias, adapters.up_bias):
        nn.init.zeros_(bias)


def start_generator(generator: BottleneckGenerator, scale: float = SCALE) -> None:
    """Initialise a generator's heads so that generated matrices have entries of the order of `scale`.

    The heads of matrices are uniform in ±scale·√(3 / (n·m)), with n the width of the source and m the number of
    inputs of the generated matrix; those of biases in ±scale·√(3 / n). The heads' own biases are 0.
    """
    bottleneck, hidden = generator.shape
    inputs = {generator.down: hidden, generator.up: bottleneck, generator.down_bias: 1, generator.up_bias: 1}
    for head, count in inputs.items():
        bound = scale * (3 / (head.in_features * count)) ** 0.5
        nn.init.uniform_(head.weight, -bound, bound)
        nn.init.zeros_(head.bias)
