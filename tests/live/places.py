"""Where every site of block 1 is, by the full names of modules, in each family.

Written from transformers' source, apart from the table of the program. Leaves the comparing to
`test_sites`.
"""

from __future__ import annotations

from typing import Any

LLAMA = {
    "block": "model.layers.1",
    "resid_mid": "in post_attention_layernorm",
    "attn_out": "out self_attn",
    "attn_z": "in self_attn.o_proj",
    "mlp_in": "in mlp",
    "mlp_act": "in mlp.down_proj",
    "mlp_out": "out mlp",
}
GEMMA = {
    **LLAMA,
    "resid_mid": "in pre_feedforward_layernorm",
    "attn_out": "out post_attention_layernorm",
    "mlp_out": "out post_feedforward_layernorm",
}
NEOX = {
    "block": "gpt_neox.layers.1",
    "attn_out": "out attention",
    "attn_z": "in attention.dense",
    "mlp_in": "in mlp.dense_h_to_4h",
    "mlp_act": "in mlp.dense_4h_to_h",
    "mlp_out": "out mlp",
}
OPT = {
    "block": "model.decoder.layers.1",
    "attn_out": "out self_attn",
    "attn_z": "in self_attn.out_proj",
    "mlp_in": "in fc1",
    "mlp_act": "in fc2",
    "mlp_out": "out fc2",
}
FALCON = {
    "block": "transformer.h.1",
    "attn_out": "out self_attention",
    "attn_z": "in self_attention.dense",
    "mlp_in": "in mlp.dense_h_to_4h",
    "mlp_act": "in mlp.dense_4h_to_h",
    "mlp_out": "out mlp",
}
EXPERTS = {name: place for name, place in LLAMA.items() if name != "mlp_act"}

#: What every model is asked for, where transformers has it; a site that is not listed it has not.
PLACES: dict[str, dict[str, str]] = {
    "gpt2": {
        "block": "transformer.h.1",
        "resid_mid": "in ln_2",
        "attn_out": "out attn",
        "attn_z": "in attn.c_proj",
        "mlp_in": "in mlp.c_fc",
        "mlp_act": "in mlp.c_proj",
        "mlp_out": "out mlp",
    },
    **dict.fromkeys(("llama", "mistral", "gemma", "qwen2", "qwen3", "olmo"), LLAMA),
    **dict.fromkeys(("gemma2", "gemma3_text"), GEMMA),
    "phi3": {**LLAMA, "mlp_in": "in mlp.gate_up_proj"},
    "mixtral": EXPERTS,
    "qwen3_moe": EXPERTS,
    "olmo2": {**GEMMA, "resid_mid": "in mlp"},
    "gpt_neox": NEOX,
    "gpt_neox in sequence": {**NEOX, "resid_mid": "in post_attention_layernorm"},
    "phi": {
        "block": "model.layers.1",
        "attn_out": "out self_attn",
        "attn_z": "in self_attn.dense",
        "mlp_in": "in mlp.fc1",
        "mlp_act": "in mlp.fc2",
        "mlp_out": "out mlp",
    },
    "opt": {**OPT, "resid_mid": "in final_layer_norm"},
    "opt post-norm": OPT,
    "bloom": {
        **FALCON,
        "resid_mid": "in post_attention_layernorm",
        "attn_out": "out self_attention.dense",
        "mlp_out": "out mlp.dense_4h_to_h",
    },
    "gptj": {
        "block": "transformer.h.1",
        "attn_out": "out attn",
        "attn_z": "in attn.out_proj",
        "mlp_in": "in mlp.fc_in",
        "mlp_act": "in mlp.fc_out",
        "mlp_out": "out mlp",
    },
    "falcon": FALCON,
    "falcon 40b": FALCON,
    "falcon in sequence": {**FALCON, "resid_mid": "in post_attention_layernorm"},
    "bert": {
        "block": "encoder.layer.1",
        "attn_out": "out attention.output.dense",
        "attn_z": "in attention.output.dense",
        "mlp_in": "in intermediate.dense",
        "mlp_act": "in output.dense",
        "mlp_out": "out output.dense",
    },
    "modernbert": {
        "block": "layers.1",
        "resid_mid": "in mlp_norm",
        "attn_out": "out attn",
        "attn_z": "in attn.Wo",
        "mlp_in": "in mlp.Wi",
        "mlp_act": "in mlp.Wo",
        "mlp_out": "out mlp",
    },
}
_EXPERTS = {"num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2}
SETTINGS: dict[str, dict[str, Any]] = {
    "gpt_neox in sequence": {"use_parallel_residual": False},
    "opt post-norm": {"do_layer_norm_before": False},
    "falcon 40b": {"new_decoder_architecture": True},
    "falcon in sequence": {"parallel_attn": False},
    "mixtral": _EXPERTS,
    "qwen3_moe": {**_EXPERTS, "moe_intermediate_size": 24},
}
POST_NORM = {"opt post-norm", "bert"}
#: The norm before the MLP, and whether it takes the mean away.
NORMS = {
    "gpt2": ("ln_2", True),
    "llama": ("post_attention_layernorm", False),
    "gemma2": ("pre_feedforward_layernorm", False),
    "olmo": ("post_attention_layernorm", True),
    "gpt_neox": ("post_attention_layernorm", True),
    "falcon 40b": ("ln_mlp", True),
    "gptj": ("ln_1", True),
    "opt": ("final_layer_norm", True),
}
