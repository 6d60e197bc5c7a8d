"""What differs between tasks: batches, augmentation, loss, decoding. Training itself is in `lbrn.training`."""
