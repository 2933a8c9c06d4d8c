"""First prompts and new scenes: what is wanted, and what is said not to be there."""
