"""Pretrained models that show the hidden states of every layer: text and images, and the formats their files have."""
