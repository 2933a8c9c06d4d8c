"""English for all interpreters: the lexicon, noun phrases, morphology, and rewriting of prompts."""
