"""The batch widget: choose templates and machines, see what will be written, write, submit, sync.

`prep` is the widget; `desk` what it holds and does, `shown` what the page shows of that, `sources`
what can be chosen, `code` the lines that do the same: plain Python without a widget. What would be
written is told by `psweep_nb.batch.preview`.
"""
