"""Is a plugin made well? Named rules in three levels, and proofs of what can be proved."""
