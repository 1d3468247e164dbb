"""The metrics of the tasks: answers in, figures between 0 and 1 out. Nothing here reads a file or runs a program."""
