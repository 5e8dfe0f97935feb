"""Find music in a published dataset: by sound, picture or words, and within what has a tag."""
