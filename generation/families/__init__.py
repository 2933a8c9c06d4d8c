"""One file a model family: how its texts are encoded, its noise predicted, its latents decoded."""
