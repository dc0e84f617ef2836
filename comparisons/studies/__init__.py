"""A package for every question: words, tables, figures, page and terminal of what it found lie in it."""
