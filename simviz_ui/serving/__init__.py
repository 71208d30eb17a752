"""What is costly to make, made once and shared by reruns and sessions."""
