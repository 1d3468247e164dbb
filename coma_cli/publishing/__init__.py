"""Publishing a finished run on the Hugging Face Hub: what may leave this machine, and how it gets there."""
