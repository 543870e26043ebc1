"""LoRA as `peft` has it: the same logits on the stock model, and back again; beside fused projections, too."""

import pytest
import torch
from peft import set_peft_model_state_dict
from peft.mapping import inject_adapter_in_model
from tiny_decoders import bare_decoder
from tiny_families import family_batch, tiny

from hxbench.errors import InputError
from hxbench.methods.lora import Lora
from hxbench.methods.method import PEFT_PREFIX, Setup

FUSED = ("bloom", "gpt2", "gpt_neox", "phi3")


def fresh(family):
    return tiny(family) if family in ("t5", "bloom") else bare_decoder(family)


def tuned(family, **options):
    torch.manual_seed(1)
    method = Lora(Setup(fresh(family), ("rte",)), Lora.Options(rank=3, alpha=6, **options))
    method.freeze()
    with torch.no_grad():
        for parameter in method.trained().values():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return method.eval()


@pytest.mark.parametrize("value", ["own", "query"])
@pytest.mark.parametrize("family", [*FUSED, "t5"])
def test_its_state_on_a_stock_model_and_back(family, value):
    if (family, value) == ("phi3", "query"):
        pytest.skip("its values are narrower than its queries")
    method, stock = tuned(family, value=value), fresh(family)
    config, state = method.peft()
    inject_adapter_in_model(config, stock.model)
    found = set_peft_model_state_dict(
        stock.model, {name.removeprefix(PEFT_PREFIX): tensor for name, tensor in state.items()}
    )
    assert not found.unexpected_keys
    batch = family_batch("t5" if family == "t5" else "bloom", task="rte")
    again = Lora(Setup(fresh(family), ("rte",)), Lora.Options(rank=3, alpha=6, value=value)).eval()
    assert not torch.allclose(again.logits(batch), method.logits(batch), atol=1e-3)
    again.take_peft(state, "a file")
    with torch.no_grad():
        wanted = method.logits(batch)
        assert torch.equal(again.logits(batch), wanted)
        ids = torch.full((1, 4), 5)
        more = {"decoder_input_ids": ids} if family == "t5" else {}
        ours = method.model(input_ids=ids, **more).logits
        theirs = stock.model.eval()(input_ids=ids, **more).logits
    assert torch.allclose(ours, theirs, atol=1e-4)
    with pytest.raises(InputError, match=r"a file: the weights do not fit .*(missing|first difference)"):
        again.take_peft(dict(list(state.items())[1:]), "a file")
    with pytest.raises(InputError, match=r"a file: .* has shape"):
        again.take_peft({name: tensor[:1] for name, tensor in state.items()}, "a file")
