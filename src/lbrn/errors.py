"""The errors a user may meet: one clear message each, printed without a traceback by the command line."""


class LbrnError(Exception):
    """Something lbrn refuses to do; the message names the value, the rule and the fix."""


class InputError(LbrnError, ValueError):
    """A value, file or setting from outside that cannot be used."""
