"""What ``cdedge doctor`` looks at: facts of this machine, and a pure check for each known trap."""
