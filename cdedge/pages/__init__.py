"""Self-contained HTML pages: nothing is fetched, neither when they are made nor when they are read."""
