"""The command line: `psweep-nb`, `psweep-db2json`, `psweep-db2table`.

Each command is a function in `studies` or `convert` that takes the arguments and returns the exit
code. It looks and commands, as the notebook layer does; it imports neither IPython nor widgets.
"""
