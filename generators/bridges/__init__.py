"""The explicit bridges between what is given and music: found, written down, edited, and made into music."""
