"""The grid editor: psets built with the mouse and the keyboard, and the code that makes them.

`gridedit` is the widget, `editing` what it holds. `draft` (rows and settings), `table` (psets by
hand), `entries` and `typed` (what is typed), `checking` (what it means, what is wrong), `pycode`,
`opening` and `actions` are plain Python without a widget.
"""
