"""Replays stored sessions: regenerates pictures, reinterprets feedback, and writes reports, GIFs and grids."""
