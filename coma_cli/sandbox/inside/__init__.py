"""What runs inside the sandbox: the zygotes, the checker and their isolation.

Modules here are imported by an interpreter started with `-I -S`, without the rest of the package: they use only the
standard library and each other.
"""
