"""SVA: a silent film in, a scored film out. A model that sees writes a scheme, others make its sounds."""
