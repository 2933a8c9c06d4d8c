"""What is said to models, and the words that people use: data, no code."""
