"""The commands: typed options, turned into settings, a run and a summary by `execute`."""
