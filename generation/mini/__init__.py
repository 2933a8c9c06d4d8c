"""The built-in model: its weights, its card, and in `recipe` what made them."""
