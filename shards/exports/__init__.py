"""A published dataset as the files that trainers of others read."""
