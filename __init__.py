"""Build, annotate and curate video-music-text datasets, and train the models that use them."""
