"""The processes of a pair at work: the candidate's zygote, the checker, the reaper."""
