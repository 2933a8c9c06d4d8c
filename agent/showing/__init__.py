"""A session to look at: a page, a film, a sheet."""
