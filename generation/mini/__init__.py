"""The built-in model: its weights, its model card, and the training recipe in `recipe`."""
