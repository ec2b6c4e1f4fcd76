"""Psets as jobs of other programs and machines: templates to directories, submit, collect."""
