"""The processes of a pair: the candidate zygote, the checker, the reaper."""
