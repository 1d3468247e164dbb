"""What a zygote builds around itself: namespaces, Landlock, seccomp, resource limits."""
