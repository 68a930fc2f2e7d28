"""Pictures of graphs and modules: graph → `Scene` (plain data) → SVG, DOT, PNG, PDF, text.

`build` and `neurons` are the only modules here that know the engine; every renderer reads the
`Scene` and the theme table alone.
"""
