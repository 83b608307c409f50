"""Runs the pipeline: what feeds it, what checks it and when it starts."""
