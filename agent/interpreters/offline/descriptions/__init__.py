"""First prompts and new scenes, split into the prompt and the things that they exclude."""
