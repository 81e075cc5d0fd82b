"""Other solvers beside ours, each on the largest part of a day that it can express."""
