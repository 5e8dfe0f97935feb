"""Mixes generated sounds into the soundtrack of a film, by FFmpeg's filters, block by block."""
