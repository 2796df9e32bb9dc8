"""The one kind of error that a user can cause and mend."""


class InputError(ValueError):
    """Bad input: the message is one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """
