"""How other programs name places in a model, turned into layer and site.

Leaves what is captured at a site to `actcore.live`.
"""

import re

from actcore.sites import Where

_TRANSFORMER_LENS = re.compile(r"blocks\.(\d{1,4})\.(.+)")
_MODULES = re.compile(r"(?:.*\.)?(?:layers|h|blocks)\.(\d{1,4})(?:\.(.+))?")
_SUBMODULE = re.compile(r"(resid_post|mlp_out|attention_out|attn_out)_layer_?(\d{1,4})")

#: Hooks of TransformerLens. `ln2.hook_normalized` is left out: it lies before the norm's gain,
#: so it is no site of ours.
_HOOKS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_mlp_in": "resid_mid",  # taken before the norm, unlike our mlp_in
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "attn.hook_z": "attn_z",
    "mlp.hook_post": "mlp_act",
    "hook_mlp_out": "mlp_out",
    "mlp.hook_in": "mlp_in",
    "mlp.hook_out": "mlp_out",
}

#: Modules of transformers; without `input` or `output` a module's output is meant.
_PARTS = {
    "": "resid_post",
    "input": "resid_pre",
    "self_attn": "attn_out",
    "attn": "attn_out",
    "attention": "attn_out",
    "self_attn.o_proj.input": "attn_z",
    "pre_feedforward_layernorm": "mlp_in",
    "mlp.input": "mlp_in",
    "mlp.down_proj.input": "mlp_act",
    "mlp": "mlp_out",
    "mlp.down_proj": "mlp_out",
    # In models that normalise what the MLP writes, this is what the stream receives.
    "post_feedforward_layernorm": "mlp_out",
}


def layer_and_site(hook: str) -> tuple[int | None, str | None]:
    """The layer and site of a hook's or module's name; an unknown place keeps its own word.

    >>> layer_and_site("blocks.6.hook_resid_pre")
    (6, 'resid_pre')
    >>> layer_and_site("model.layers.5.output")
    (5, 'resid_post')
    >>> layer_and_site("blocks.6.ln2.hook_normalized")
    (6, 'ln2.hook_normalized')
    >>> layer_and_site("")
    (None, None)
    """
    if match := _TRANSFORMER_LENS.fullmatch(hook):
        return int(match[1]), _HOOKS.get(match[2], match[2])
    if match := _MODULES.fullmatch(hook):
        part = match[2] or ""
        return int(match[1]), _PARTS.get(re.sub(r"\.?output$", "", part), part)
    if match := _SUBMODULE.fullmatch(hook):
        return int(match[2]), match[1].replace("attention_out", "attn_out")
    return None, hook or None


def where(layer: int | None, site: str | None) -> Where | None:
    """The place, if both are known.

    >>> where(*layer_and_site("blocks.6.hook_mlp_out"))
    Where(layer=6, site='mlp_out')
    """
    return None if layer is None or site is None else Where(layer, site)
