"""The demo's language model, a small GPT-2, and its training; leaves its scores to `scores`."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

from scripts.demo.packing import IGNORED, Batch, Packer
from scripts.demo.settings import Settings
from scripts.demo.tokens import END_ID

#: Muon for the matrices of the blocks, AdamW for embeddings, biases and norms.
MUON_RATE, ADAM_RATE = 0.02, 3e-3
#: The rate rises for so many steps, stays for a share of all, and falls to a share of itself.
WARM_UP, FLAT, LOWEST = 100, 0.45, 0.02
LARGEST_GRADIENT = 1.0
#: Of matrix products in training; weights and sums stay in float32.
PRECISION = torch.bfloat16
#: Steps from one line on the terminal to the next.
REPORTED = 50


def untrained(settings: Settings) -> GPT2LMHeadModel:
    """A model with tied embeddings and without dropout."""
    torch.manual_seed(settings.seed)
    config = GPT2Config(
        vocab_size=settings.vocabulary,
        n_positions=settings.n_positions,
        n_embd=settings.d_model,
        n_layer=settings.n_layers,
        n_head=settings.n_heads,
        n_inner=settings.d_mlp,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu_new",
        bos_token_id=END_ID,
        eos_token_id=END_ID,
    )
    return GPT2LMHeadModel(config)


def train(model: GPT2LMHeadModel, packer: Packer, steps: int) -> dict[str, float]:
    """Trains the model; tokens, seconds and the mean loss since the last report."""
    optimizers = _optimizers(model)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    started, tokens, losses = time.monotonic(), 0, list[float]()
    for step in range(1, steps + 1):
        loss, n_tokens = _loss(model, packer.batch())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        for optimizer, given in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, given, strict=True):
                group["lr"] = rate * _share(step - 1, steps)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        tokens += n_tokens
        losses = [*losses[-REPORTED + 1 :], loss.item()]
        if step % REPORTED == 0 or step == steps:
            speed = tokens / (time.monotonic() - started)
            mean = sum(losses) / len(losses)
            print(f"step {step} of {steps}: loss {mean:.4f}, {speed:.0f} tokens/s", flush=True)
    seconds = time.monotonic() - started
    return {"tokens": tokens, "seconds": seconds, "training_loss": sum(losses) / len(losses)}


def _optimizers(model: GPT2LMHeadModel) -> list[torch.optim.Optimizer]:
    named = list(model.named_parameters())
    matrices = [each for name, each in named if each.ndim == 2 and ".h." in name]
    others = [each for name, each in named if each.ndim < 2 or ".h." not in name]
    muon = torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0, momentum=0.95, nesterov=True)
    adam = torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    return [muon, adam]


def _share(step: int, steps: int) -> float:
    """Which share of its rate an optimizer uses."""
    done = step / steps
    falling = 1.0 if done < FLAT else max(LOWEST, (1 - done) / (1 - FLAT))
    return min(1.0, (step + 1) / WARM_UP) * falling


def _loss(model: GPT2LMHeadModel, batch: Batch) -> tuple[Tensor, int]:
    """The mean loss of a batch [nats per token], and of how many tokens."""
    counted = (batch.targets.flatten() != IGNORED).nonzero().squeeze(1)
    hidden = _hidden(model, batch)[counted]
    logits = (hidden @ model.lm_head.weight.to(PRECISION).T).float()
    return functional.cross_entropy(logits, batch.targets.flatten()[counted]), len(counted)


def _hidden(model: Any, batch: Batch) -> Tensor:
    """What the head reads, [row * position, d_model].

    The same sums as the model's own: but its attention, in bfloat16 on a CPU, takes twice as long.
    """
    parts, config = model.transformer, model.config
    n_rows, n_positions = batch.ids.shape
    heads = (n_rows, n_positions, 3, config.n_head, config.n_embd // config.n_head)
    mask = batch.mask.to(PRECISION).repeat_interleave(config.n_head, 0)
    x = functional.embedding(batch.ids, parts.wte.weight)
    x = (x + functional.embedding(batch.positions, parts.wpe.weight)).flatten(0, 1)
    for block in parts.h:
        mixed = _linear(_normed(x, block.ln_1), block.attn.c_attn).view(heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        scores = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=heads[-1] ** -0.5)
        seen = torch.bmm(torch.softmax(scores, -1), value).view(n_rows, -1, n_positions, heads[-1])
        x = x + _linear(seen.transpose(1, 2).reshape(x.shape), block.attn.c_proj)
        wide = functional.gelu(_linear(_normed(x, block.ln_2), block.mlp.c_fc), approximate="tanh")
        x = x + _linear(wide, block.mlp.c_proj)
    return _normed(x, parts.ln_f)


def _normed(x: Tensor, norm: Any) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps).to(PRECISION)


def _linear(x: Tensor, layer: Any) -> Tensor:
    return torch.addmm(layer.bias.to(PRECISION), x, layer.weight.to(PRECISION))
