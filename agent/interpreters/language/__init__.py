"""English for every interpreter: the lexicon, noun phrases, morphology, and rewriting of prompts."""
