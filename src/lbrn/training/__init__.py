"""Training, resuming and predicting: all that does not differ between tasks."""
