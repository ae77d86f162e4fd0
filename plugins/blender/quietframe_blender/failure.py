"""What is told to the user."""


class Failure(Exception):
    """A failure whose message is for the user as it is."""


class Cancelled(Exception):
    """The user has cancelled."""
