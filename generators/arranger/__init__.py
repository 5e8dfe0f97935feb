"""The arranger: music without weights, from a description to a score, and from that to sound."""
