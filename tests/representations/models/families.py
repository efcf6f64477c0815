"""Tiny random models of every family, saved in the hub's folder layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ("the", "a", "red", "blue", "old", "new", "house", "dog", "cat", "tree", "sees", "likes", "two")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
N_WORDS = 280

_SIZES = {
    "vocab_size": N_WORDS,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
_GROUPED: dict[str, Any] = {"num_key_value_heads": 1, "head_dim": 8}
_LATENT: dict[str, Any] = {
    "num_key_value_heads": 2,
    "kv_lora_rank": 8,
    "q_lora_rank": 8,
    "qk_nope_head_dim": 4,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "moe_intermediate_size": 8,
    # As many experts as blocks, which must not be taken for them.
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "num_hidden_layers": 4,
}
_WINDOWED: dict[str, Any] = {
    "sliding_window": 5,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}
_ROBERTA: dict[str, Any] = {"max_position_embeddings": 66, "type_vocab_size": 1}

DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 64, "n_inner": 24},
    "gpt_neox": {"rotary_pct": 0.5},
    "llama": _GROUPED,
    "mistral": {**_GROUPED, "sliding_window": 5},
    "mixtral": {**_GROUPED, "num_local_experts": 3, "num_experts_per_tok": 2, "sliding_window": 5},
    "gemma": _GROUPED,
    "gemma2": {**_GROUPED, **_WINDOWED, "query_pre_attn_scalar": 8},
    "gemma3_text": {**_GROUPED, **_WINDOWED, "query_pre_attn_scalar": 8},
    "qwen2": {"num_key_value_heads": 1},
    "qwen3": _GROUPED,
    "qwen3_moe": {
        **_GROUPED,
        "num_experts": 3,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 8,
        "decoder_sparse_step": 1,
    },
    "deepseek_v2": {**_LATENT, "topk_method": "greedy"},
    "deepseek_v3": _LATENT,
    "phi3": {"num_key_value_heads": 1, "original_max_position_embeddings": 64},
    "olmo2": {"num_key_value_heads": 1},
    "opt": {"ffn_dim": 24, "word_embed_proj_dim": 16},
    # Takes images too, through a tower with as many blocks.
    "gemma3": {
        "text_config": {**_SIZES, **_GROUPED, **_WINDOWED, "query_pre_attn_scalar": 8},
        "vision_config": {
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        "mm_tokens_per_image": 4,
        "image_token_index": N_WORDS - 1,
    },
}

ENCODERS: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "distilbert": {"dim": 16, "hidden_dim": 24, "n_layers": 3, "n_heads": 2},
    "electra": {"embedding_size": 8},
    "mpnet": {"max_position_embeddings": 66},
    "modernbert": {"local_attention": 8, "global_attn_every_n_layers": 2, "cls_token_id": 0, "sep_token_id": 2},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
}

FAMILIES = {**DECODERS, **ENCODERS}

FINAL_NORMS = {
    **dict.fromkeys(DECODERS, "norm"),
    "gpt2": "ln_f",
    "gpt_neox": "final_layer_norm",
    "opt": "decoder.final_layer_norm",
    "gemma3": "language_model.norm",
    "modernbert": "final_norm",
}
"""Where transformers keeps the final norm of the families that have one; the blocks of the others end in a norm."""


def save_tokenizer(folder: Path, *, ends: bool, padding_side: str = "right") -> None:
    """A tokenizer of bytes and a few merges that puts <s> in front, and where `ends`, </s> behind."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=N_WORDS, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if ends else "<s> $A", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), SPECIAL, strict=True))
    saved: Any = PreTrainedTokenizerFast
    saved(tokenizer_object=tokenizer, padding_side=padding_side, **special).save_pretrained(folder)


def save_family(family: str, folder: Path, *, padding_side: str = "right") -> Path:
    """Random weights in which everything matters: norms and biases too."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    sizes = {} if "text_config" in FAMILIES[family] else _SIZES
    make: Any = AutoModel.from_config
    model = make(AutoConfig.for_model(family, **{**sizes, **FAMILIES[family]}))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.3)
            elif name.endswith("bias"):
                weights.uniform_(-0.3, 0.3)
            else:
                weights.uniform_(0.5, 1.5)
    model.save_pretrained(folder)
    save_tokenizer(folder, ends=family in ENCODERS, padding_side=padding_side)
    return folder
