"""Per-sample mutual information: attack, fit critics on training samples, score test samples."""
