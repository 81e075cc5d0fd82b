"""The compiled part of the search: a day as flat arrays, and the loops over them."""
