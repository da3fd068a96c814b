"""Which modules of a block are its attention, its MLP and its norms, family by family.

Equal names are no proof: some families scale what they add, or norm it later, under the names of
Llama. So families are listed once they have been checked. Leaves to `blocks` which layer is meant.
"""

from typing import NamedTuple

from torch import nn
from transformers import PreTrainedConfig

#: What a config says of blocks in which attention and MLP both read what enters the block.
_BESIDE = ("use_parallel_residual", "parallel_attn", "new_decoder_architecture")


class Layout(NamedTuple):
    """Names of modules within the blocks of families, as `model_type` of a config has them."""

    families: str
    projection: str  # of attention: attn_z enters, attn_out leaves
    mlp: str
    last: str  # projection of the MLP: mlp_act enters, mlp_out leaves
    before: str | None = None  # norm before the MLP, if that does not read the stream as it is
    behind: tuple[str, str] | None = None  # norms which attn_out and mlp_out leave instead
    beside: bool = False  # attention and MLP both read what enters the block
    post_norm: bool = False  # what is added to the stream is normed together with it


#: The first with the family's name, and all modules of which are there.
LAYOUTS = (
    Layout("gpt2 gpt_bigcode", "attn.c_proj", "mlp", "mlp.c_proj", "ln_2"),
    Layout("gpt_neo", "attn.attention.out_proj", "mlp", "mlp.c_proj", "ln_2"),
    Layout("gptj codegen", "attn.out_proj", "mlp", "mlp.fc_out", "ln_1", beside=True),
    Layout(
        "llama mistral ministral mixtral gemma qwen2 qwen2_moe qwen3 qwen3_moe phi3 phimoe olmo "
        "olmoe smollm3 granite stablelm nemotron glm gpt_oss helium ernie4_5 seed_oss arcee",
        *("self_attn.o_proj", "mlp", "mlp.down_proj"),
        "post_attention_layernorm",
    ),
    Layout(
        "starcoder2",
        *("self_attn.o_proj", "mlp", "mlp.c_proj"),
        "post_attention_layernorm",
    ),
    Layout(
        "gemma2 gemma3_text",
        *("self_attn.o_proj", "mlp", "mlp.down_proj"),
        "pre_feedforward_layernorm",
        behind=("post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    Layout(
        "olmo2 olmo3 exaone4",
        *("self_attn.o_proj", "mlp", "mlp.down_proj"),
        behind=("post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    Layout(
        "gpt_neox",
        *("attention.dense", "mlp", "mlp.dense_4h_to_h"),
        "post_attention_layernorm",
    ),
    Layout(  # BLOOM's attention and MLP add to the stream themselves, their projections do not
        "bloom falcon",
        *("self_attention.dense", "mlp", "mlp.dense_4h_to_h"),
        "post_attention_layernorm",
    ),
    Layout("falcon", "self_attention.dense", "mlp", "mlp.dense_4h_to_h", "ln_mlp"),
    Layout("falcon", "self_attention.dense", "mlp", "mlp.dense_4h_to_h", "input_layernorm"),
    Layout("phi", "self_attn.dense", "mlp", "mlp.fc2", "input_layernorm", beside=True),
    Layout("opt xglm biogpt", "self_attn.out_proj", "fc1", "fc2", "final_layer_norm"),
    Layout(
        "bert roberta xlm-roberta camembert electra",
        *("attention.output.dense", "intermediate", "output.dense"),
        post_norm=True,
    ),
    Layout("distilbert", "attention.out_lin", "ffn", "ffn.lin2", post_norm=True),
    Layout("modernbert", "attn.Wo", "mlp", "mlp.Wo", "mlp_norm"),
)


def layout_of(block: nn.Module, config: PreTrainedConfig) -> Layout | None:
    """The layout of a block, as this model's config has it, if its family is listed."""
    inside = {name for name, _ in block.named_modules()}
    for layout in LAYOUTS:
        named = {layout.projection, layout.mlp, *(layout.behind or ()), layout.before or layout.mlp}
        if config.model_type in layout.families.split() and named <= inside:
            return _as_set(layout, config)
    return None


def _as_set(layout: Layout, config: PreTrainedConfig) -> Layout:
    beside = layout.beside or any(getattr(config, name, False) for name in _BESIDE)
    post_norm = (
        layout.post_norm
        or not getattr(config, "do_layer_norm_before", True)  # OPT 350M
        or getattr(config, "apply_residual_connection_post_layernorm", False)  # of BLOOM
    )
    return layout._replace(beside=beside, post_norm=post_norm)
