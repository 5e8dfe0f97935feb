"""Files that several processes share, and the promises that hold for all of them."""
