"""Attack, verify, store, and read again: the records, and what fills them."""
