"""Qwen of 2023 (model type `qwen`: Qwen-1.8B, 7B, 14B and 72B) as a Qwen2 model of today's transformers."""
