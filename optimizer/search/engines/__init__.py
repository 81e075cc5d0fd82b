"""One file per engine; the only place that imports solver libraries."""
