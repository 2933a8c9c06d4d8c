"""The verifier: a small encoder that reads feedback and says which edits were meant."""
