"""Every error psweep_nb raises on purpose, each a kind of the built-in one would expect, too."""


class PsweepError(Exception):
    """Base of all errors psweep_nb raises on purpose."""


class ParamsError(PsweepError, ValueError):
    """A pset, or the list of them, is not usable; the message names the pset and the parameter."""


class FunctionError(PsweepError, ValueError):
    """The function cannot be called with these psets, or cannot travel to another process."""


class OptionError(PsweepError, ValueError):
    """An option has a value that it cannot have; the message says which it can."""


class TemplateError(PsweepError, ValueError):
    """A template cannot be filled; the message names the file, the line and the placeholder."""


class StudyError(PsweepError, RuntimeError):
    """A study's directory, table or run is not in a state that allows what was asked."""


class JournalError(PsweepError, RuntimeError):
    """A file of a run is not what its name says."""


class TrustError(PsweepError, RuntimeError):
    """A file holds a type that is only unpickled for studies the user trusts."""


class RemoteError(PsweepError, RuntimeError):
    """Another machine, or the scheduler there, did not do what was asked; its words are in it."""


class CommandError(PsweepError, RuntimeError):
    """A program did not end well; the message has its exit code and the end of its stderr."""


class PsetError(PsweepError, RuntimeError):
    """A pset failed in another process and its own exception did not survive the way back.

    The message ends with the traceback as text.
    """
