//! Killed at any moment: a child process writes, and what it was told is durable is still there.
