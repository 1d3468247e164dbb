"""How a zygote isolates itself: namespaces, Landlock, seccomp, resource limits."""
