"""Scoring: what a film, a picture or words are to sound like, and the film with that music."""
