"""From scores on untouched rows to a promotion decision: comparison, gates, decision."""
