"""What runs on the far side: the zygotes, the checker and the walls around them.

Modules here are imported by an interpreter started with `-I -S`, without the rest of the package: they use the
standard library and each other, nothing else.
"""
