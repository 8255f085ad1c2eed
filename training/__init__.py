"""Training: from a snapshot, through a graph of tensors and an encoder, to a bundle."""
