"""From the best candidates to the list shown: new items get a share, and no one crowds."""
