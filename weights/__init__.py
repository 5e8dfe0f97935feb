"""Where the weights of models come from: which there are, what is here, how they are fetched and loaded."""
