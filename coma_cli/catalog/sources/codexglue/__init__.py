"""CodeXGLUE's data sets, one file each."""
