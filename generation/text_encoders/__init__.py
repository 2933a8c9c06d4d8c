"""Prompts to embeddings: CLIP, T5 and textual inversion."""
